#include "delivery/adapters/delivery_service.h"

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

#include "delivery/adapters/delivery_proto.h"
#include "delivery/adapters/delivery_validation.h"
#include "delivery/adapters/pg_delivery_store.h"
#include "delivery/app/use_cases.h"
#include "platform/grpc/call.h"

namespace delivery {

using grpc::CallbackServerContext;
using grpc::ServerUnaryReactor;
using platform::Priority;
namespace rpc = platform::rpc;

DeliveryService::DeliveryService(const platform::auth::Access& access,
                                 platform::pg::Pool& pool,
                                 platform::Executor& executor,
                                 platform::Clock clock)
    : access_(access),
      pool_(pool),
      executor_(executor),
      clock_(std::move(clock)) {}

ServerUnaryReactor* DeliveryService::GetDelivery(
    CallbackServerContext* context, const v1::GetDeliveryRequest* request,
    v1::GetDeliveryResponse* response) {
  if (const auto caller = access_.Admit(*context, "GetDelivery");
      !caller.ok()) {
    return rpc::Answer(context, "GetDelivery", caller.status());
  }
  absl::StatusOr<std::string> id = Checked(*request);
  if (!id.ok()) return rpc::Answer(context, "GetDelivery", id.status());
  return rpc::Run(executor_, Priority::kUrgent, context, "GetDelivery",
                  [=, this, id = *std::move(id)](rpc::Call& call) {
                    call.SetAggregateId(id);
                    return pool_.Read([&](pqxx::nontransaction& tx) {
                      const std::optional<DeliveryData> delivery =
                          FindDelivery(tx, id);
                      if (!delivery.has_value()) return NoDelivery(id);
                      *response->mutable_delivery() = ToProto(*delivery);
                      return absl::OkStatus();
                    });
                  });
}

ServerUnaryReactor* DeliveryService::ListDeliveries(
    CallbackServerContext* context, const v1::ListDeliveriesRequest* request,
    v1::ListDeliveriesResponse* response) {
  if (const auto caller = access_.Admit(*context, "ListDeliveries");
      !caller.ok()) {
    return rpc::Answer(context, "ListDeliveries", caller.status());
  }
  absl::StatusOr<DeliveriesPage> page = Checked(*request);
  if (!page.ok()) return rpc::Answer(context, "ListDeliveries", page.status());
  return rpc::Run(
      executor_, Priority::kUrgent, context, "ListDeliveries",
      [=, this, page = *std::move(page)](rpc::Call& /*call*/) {
        std::vector<DeliveryData> deliveries;
        absl::Status read = pool_.Read([&](pqxx::nontransaction& tx) {
          // One more than the page holds says whether there is a next one.
          deliveries = delivery::ListDeliveries(tx, page.status, page.before,
                                                page.size + 1);
          return absl::OkStatus();
        });
        if (!read.ok()) return read;
        if (deliveries.size() > static_cast<size_t>(page.size)) {
          deliveries.pop_back();
          response->set_next_page_token(TokenAfter(page, deliveries.back()));
        }
        for (const DeliveryData& delivery : deliveries) {
          *response->add_deliveries() = ToProto(delivery);
        }
        return absl::OkStatus();
      });
}

ServerUnaryReactor* DeliveryService::CompleteDelivery(
    CallbackServerContext* context, const v1::CompleteDeliveryRequest* request,
    v1::CompleteDeliveryResponse* response) {
  if (const auto caller = access_.Admit(*context, "CompleteDelivery");
      !caller.ok()) {
    return rpc::Answer(context, "CompleteDelivery", caller.status());
  }
  absl::StatusOr<std::string> id = Checked(*request);
  if (!id.ok()) return rpc::Answer(context, "CompleteDelivery", id.status());
  return rpc::Run(executor_, Priority::kNormal, context, "CompleteDelivery",
                  [=, this, id = *std::move(id)](rpc::Call& call) {
                    call.SetAggregateId(id);
                    return pool_.InTransaction([&](pqxx::work& tx) {
                      PgDeliveryStore store(tx, call.trace().Traceparent());
                      const absl::StatusOr<Delivery> delivery =
                          delivery::CompleteDelivery(store, id, clock_());
                      if (delivery.ok()) {
                        *response->mutable_delivery() =
                            ToProto(delivery->data());
                      }
                      return delivery.status();
                    });
                  });
}

}  // namespace delivery
