// Whole lives of orders, as the events that mypage hears of them.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"

#include "mypage/domain/mypage_view.h"

namespace mypage {

inline const absl::Time kNoon = absl::FromUnixSeconds(1783166400);
inline constexpr char kOrderId[] = "0197e3b0-0000-7000-8000-000000000001";

// The event number `n`, a second after the one before.
inline Heard Event(int n, Source source, int version, int state,
                   std::string status, std::string by,
                   std::string reason = "") {
  Heard heard{.order_id = kOrderId,
              .header = {7, 3, 12, 2, std::nullopt},
              .entry = {.event_id = absl::StrFormat(
                            "0197e3b0-0000-7000-8000-0000000e%04d", n),
                        .source = source,
                        .version = version,
                        .state = state,
                        .status = std::move(status),
                        .at = kNoon + absl::Seconds(n),
                        .by = std::move(by),
                        .reason = std::move(reason)}};
  if (source == Source::kOrder) heard.header.created = kNoon;
  return heard;
}

// Every type of event is in one of them.
inline std::vector<std::vector<Heard>> Lives() {
  using enum Source;
  std::vector<std::vector<Heard>> lives = {
      // Cooked and delivered.
      {Event(0, kOrder, 1, 1, "ORDERED", "customer"),
       Event(1, kCook, 1, 1, "COOKING", "kitchen"),
       Event(2, kCook, 2, 2, "COOKED", "kitchen"),
       Event(3, kDelivery, 1, 1, "DELIVERY_STARTED", "courier"),
       Event(4, kDelivery, 2, 2, "DELIVERED", "courier"),
       Event(5, kOrder, 2, 2, "COMPLETED", "courier")},
      // Stock was short.
      {Event(0, kOrder, 1, 1, "ORDERED", "customer"),
       Event(1, kCook, 1, 4, "QTY_OVER", "kitchen", "QUANTITY_OVER"),
       Event(2, kOrder, 2, 3, "REJECTED", "kitchen", "QUANTITY_OVER")},
      // Cancelled at once.
      {Event(0, kOrder, 1, 1, "ORDERED", "customer"),
       Event(1, kCook, 1, 1, "COOKING", "kitchen"),
       Event(2, kCook, 2, 3, "COOK_CANCELLED", "customer", "too late"),
       Event(3, kOrder, 2, 4, "CANCELLED", "customer", "too late")},
      // A pending cancel that the kitchen refuses.
      {Event(0, kOrder, 1, 1, "ORDERED", "customer"),
       Event(1, kCook, 1, 1, "COOKING", "kitchen"),
       Event(2, kCook, 2, 2, "COOKED", "kitchen"),
       Event(3, kOrder, 2, 5, "CANCEL_PENDING", "customer", "too late"),
       Event(4, kOrder, 3, 1, "CANCEL_REFUSED", "kitchen", "ALREADY_COOKED"),
       Event(5, kDelivery, 1, 1, "DELIVERY_STARTED", "courier"),
       Event(6, kDelivery, 2, 2, "DELIVERED", "courier"),
       Event(7, kOrder, 4, 2, "COMPLETED", "courier")},
      // A tombstone: cancelled before the kitchen heard of the order, by one
      // who did not say what it was; and at one and the same time.
      {Event(0, kOrder, 1, 1, "ORDERED", "customer"),
       Event(1, kCook, 1, 3, "COOK_CANCELLED", "operator"),
       Event(1, kOrder, 2, 4, "CANCELLED", "operator")},
  };
  lives[4][1].header = {};
  lives[4][2].entry.event_id = "0197e3b0-0000-7000-8000-0000000e9999";
  return lives;
}

}  // namespace mypage
