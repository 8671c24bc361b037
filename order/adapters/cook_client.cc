#include "order/adapters/cook_client.h"

#include <utility>

#include "absl/status/status.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "grpcpp/grpcpp.h"

#include "platform/status/error.h"
#include "platform/thread/tsan.h"
#include "restaurant/cook/v1/cook_service.grpc.pb.h"

namespace order {
namespace {

namespace cook_v1 = ::restaurant::cook::v1;

grpc::ChannelArguments Arguments() {
  grpc::ChannelArguments arguments;
  arguments.SetLoadBalancingPolicyName("round_robin");
  // A name's TXT record could bring a retry policy.
  arguments.SetInt(GRPC_ARG_SERVICE_CONFIG_DISABLE_RESOLUTION, 1);
  arguments.SetInt(GRPC_ARG_ENABLE_RETRIES, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 100);
  // In spite of its name: how long an attempt to connect may take at least.
  // With 100 ms a busy machine's failed, and cancels were pending for no
  // reason.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, 1000);
  arguments.SetInt(GRPC_ARG_DNS_MIN_TIME_BETWEEN_RESOLUTIONS_MS, 1000);
  // A peer that is gone is noticed, idle or not: by pings, which our servers
  // allow every 5 s, and by TCP_USER_TIMEOUT, which gRPC sets to the time-out.
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 10'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 2'000);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  return arguments;
}

// The reason, if it is one of cook's own "no"; else "".
std::string RefusalOf(const grpc::Status& status) {
  if (status.error_code() != grpc::StatusCode::FAILED_PRECONDITION) return "";
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return "";
  for (const auto& detail : rich.details()) {
    google::rpc::ErrorInfo info;
    if (!detail.UnpackTo(&info)) continue;
    if (info.domain() == std::string(platform::kErrorDomain) &&
        (info.reason() == std::string(kAlreadyCooked) ||
         info.reason() == std::string(kQuantityOver))) {
      return info.reason();
    }
  }
  return "";
}

KitchenAnswer AnswerOf(const grpc::Status& status,
                       const cook_v1::CancelTicketResponse& response) {
  if (status.ok()) {
    // An OK that does not say so cancels nothing.
    if (response.ticket().status() == cook_v1::TICKET_STATUS_CANCELLED) {
      return {KitchenAnswer::Kind::kCancelled, response.ticket().reason(),
              response.by()};
    }
    return {KitchenAnswer::Kind::kUnknown, "OK", ""};
  }
  if (std::string reason = RefusalOf(status); !reason.empty()) {
    return {KitchenAnswer::Kind::kRefused, std::move(reason), ""};
  }
  return {KitchenAnswer::Kind::kUnknown,
          absl::StatusCodeToString(
              static_cast<absl::StatusCode>(status.error_code())),
          ""};
}

// Lives as long as the call.
struct Asking {
  grpc::ClientContext context;
  cook_v1::CancelTicketRequest request;
  cook_v1::CancelTicketResponse response;
  CookClient::Done done;
};

}  // namespace

class CookClient::Impl {
 public:
  Impl(const std::string& target, platform::auth::Signer* signer)
      : signer_(signer),
        stub_(cook_v1::CookService::NewStub(grpc::CreateCustomChannel(
            target, grpc::InsecureChannelCredentials(), Arguments()))) {}

  void CancelTicket(const CancelQuestion& question, Done done) {
    auto* asking = new Asking;
    asking->done = std::move(done);
    asking->context.set_deadline(absl::ToChronoTime(question.deadline));
    asking->context.set_wait_for_ready(false);
    if (signer_ != nullptr) {
      asking->context.AddMetadata("authorization",
                                  "Bearer " + signer_->Token());
    }
    if (!question.traceparent.empty()) {
      asking->context.AddMetadata("traceparent", question.traceparent);
    }
    cook_v1::CancelTicketRequest& request = asking->request;
    request.set_order_id(question.order.id);
    request.set_restaurant_id(question.order.restaurant_id);
    request.set_restaurant_menu_id(question.order.restaurant_menu_id);
    request.set_customer_id(question.order.customer_id);
    request.set_qty(question.order.qty);
    request.set_reason(question.reason);
    request.set_by(question.by);
    platform::tsan::HandOver(asking);
    stub_->async()->CancelTicket(
        &asking->context, &asking->request, &asking->response,
        [asking](const grpc::Status& status) {
          platform::tsan::TakeOver(asking);
          const std::unique_ptr<Asking> owner(asking);
          owner->done(AnswerOf(status, owner->response));
        });
  }

 private:
  platform::auth::Signer* const signer_;
  const std::unique_ptr<cook_v1::CookService::Stub> stub_;
};

CookClient::CookClient(const std::string& target,
                       platform::auth::Signer* signer)
    : impl_(std::make_unique<Impl>(target, signer)) {}
CookClient::~CookClient() = default;

void CookClient::CancelTicket(const CancelQuestion& question, Done done) {
  impl_->CancelTicket(question, std::move(done));
}

}  // namespace order
