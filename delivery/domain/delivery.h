// The delivery of one order. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace delivery {

enum class DeliveryStatus { kStarted, kDelivered };

// "STARTED", "DELIVERED".
absl::string_view Name(DeliveryStatus status);
std::optional<DeliveryStatus> ParseDeliveryStatus(absl::string_view name);

// Who does everything that is done to a delivery.
inline constexpr absl::string_view kCourier = "courier";

inline constexpr absl::string_view kDeliveryNotFound = "DELIVERY_NOT_FOUND";

// What is delivered, and for whom.
struct Parcel {
  std::string order_id;  // a UUID in canonical lower case
  int32_t restaurant_id = 0;
  int32_t restaurant_menu_id = 0;
  int32_t customer_id = 0;
  int32_t qty = 0;  // 1 to 100
  friend bool operator==(const Parcel&, const Parcel&) = default;
};

// Facts: what other services may react to. One for each change of a delivery.
struct DeliveryStarted {
  friend bool operator==(const DeliveryStarted&,
                         const DeliveryStarted&) = default;
};
struct Delivered {
  friend bool operator==(const Delivered&, const Delivered&) = default;
};
using Fact = std::variant<DeliveryStarted, Delivered>;

// What a delivery is made of.
struct DeliveryData {
  Parcel parcel;
  DeliveryStatus status = DeliveryStatus::kStarted;
  int32_t version = 1;  // one more with every change of status
  absl::Time created;
  absl::Time modified;  // when `status` last changed
  friend bool operator==(const DeliveryData&, const DeliveryData&) = default;
};

// A delivery, from the moment the dish is cooked until it is handed over.
//
//   Start --> STARTED --> DELIVERED
//
// A step that has already been taken succeeds and changes nothing; there is
// none that fails.
//
// Not thread-safe; a delivery lives inside one transaction, and changes at most
// once in it.
class Delivery {
 public:
  static Delivery Start(Parcel parcel, absl::Time now);

  // Rebuilds a delivery from storage. Records no fact.
  static Delivery Restore(DeliveryData data);

  // Says that it was handed over.
  void Complete(absl::Time now);

  const DeliveryData& data() const { return data_; }
  const std::string& order_id() const { return data_.parcel.order_id; }
  DeliveryStatus status() const { return data_.status; }
  // The version in storage; 0 if it was never stored.
  int32_t stored_version() const { return stored_version_; }
  // What happened to it since it was made or restored, if anything.
  const std::optional<Fact>& fact() const { return fact_; }

 private:
  explicit Delivery(DeliveryData data) : data_(std::move(data)) {}

  DeliveryData data_;
  int32_t stored_version_ = 0;
  std::optional<Fact> fact_;
};

}  // namespace delivery
