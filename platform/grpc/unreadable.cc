#include "platform/grpc/unreadable.h"

#include <cstring>
#include <optional>

#include "grpcpp/support/interceptor.h"

#include "platform/grpc/call.h"
#include "platform/status/error.h"

namespace platform::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;

class RefuseUnreadable final : public grpc::experimental::Interceptor {
 public:
  // `info` owns this.
  explicit RefuseUnreadable(grpc::experimental::ServerRpcInfo* info)
      : info_(info) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            InterceptionHookPoints::POST_RECV_MESSAGE) &&
        methods->GetRecvMessage() == nullptr) {
      // Its handler will not be called.
      record_.emplace(info_->server_context(), NameIn(info_->method()));
    }
    if (record_.has_value() && methods->QueryInterceptionHookPoint(
                                   InterceptionHookPoints::PRE_SEND_STATUS)) {
      methods->ModifySendStatus(record_->End(Unreadable()));
    }
    // Last: it may end the call, and with it this and `methods`.
    methods->Proceed();
  }

 private:
  // Of a literal of the generated code, `/package.Service/Method`.
  static const char* NameIn(const char* path) {
    return std::strrchr(path, '/') + 1;
  }

  grpc::experimental::ServerRpcInfo* const info_;
  std::optional<CallRecord> record_;
};

class Factory final
    : public grpc::experimental::ServerInterceptorFactoryInterface {
 public:
  grpc::experimental::Interceptor* CreateServerInterceptor(
      grpc::experimental::ServerRpcInfo* info) override {
    using Type = grpc::experimental::ServerRpcInfo::Type;
    // A stream of requests ends with no message, too.
    const bool one_request =
        info->type() == Type::UNARY || info->type() == Type::SERVER_STREAMING;
    return one_request ? new RefuseUnreadable(info) : nullptr;
  }
};

}  // namespace

std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
RefuseUnreadableRequests() {
  return std::make_unique<Factory>();
}

absl::Status Unreadable() {
  return Error(absl::StatusCode::kInvalidArgument, "INVALID_FIELD",
               "The request cannot be read: it is not the method's message, "
               "or a text in it is not UTF-8.");
}

}  // namespace platform::rpc
