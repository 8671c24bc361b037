#include "delivery/adapters/cook_events.h"

#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"

#include "delivery/adapters/delivery_validation.h"
#include "delivery/adapters/pg_delivery_store.h"
#include "delivery/app/use_cases.h"
#include "platform/trace/trace_context.h"
#include "restaurant/cook/v1/cook_events.pb.h"

namespace delivery {
namespace {

using platform::events::Message;

absl::StatusOr<Parcel> Read(const Message& message) {
  ::restaurant::cook::v1::Cooked event;
  if (!event.ParseFromString(message.payload)) {
    return absl::InvalidArgumentError(
        absl::StrCat("event ", message.event_id, " is not a ", message.type));
  }
  return Checked(event);
}

}  // namespace

platform::events::Handler CookEvents(platform::Clock clock) {
  return
      [clock = std::move(clock)](
          pqxx::work& tx, absl::Span<const Message> messages) -> absl::Status {
        PgDeliveryStore store(tx, /*traceparent=*/"");
        std::vector<Parcel> parcels;
        parcels.reserve(messages.size());
        for (const Message& message : messages) {
          // A durable may be made wider than we need it.
          if (message.type != "restaurant.cook.v1.Cooked") continue;
          absl::StatusOr<Parcel> parcel = Read(message);
          if (!parcel.ok()) return parcel.status();
          store.SetTrace(
              parcel->order_id,
              platform::ContinueTrace(message.traceparent).Traceparent());
          parcels.push_back(*std::move(parcel));
        }
        StartDeliveries(store, std::move(parcels), clock());
        return absl::OkStatus();
      };
}

}  // namespace delivery
