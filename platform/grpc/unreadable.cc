#include "platform/grpc/unreadable.h"

#include "absl/strings/string_view.h"
#include "grpcpp/support/interceptor.h"

#include "platform/grpc/call.h"
#include "platform/grpc/status.h"
#include "platform/status/error.h"

namespace platform::rpc {
namespace {

using grpc::experimental::InterceptionHookPoints;
using grpc::experimental::InterceptorBatchMethods;

class RefuseUnreadable final : public grpc::experimental::Interceptor {
 public:
  // `path`: `/package.Service/Method`, as long as the call lives.
  explicit RefuseUnreadable(absl::string_view path) : path_(path) {}

  void Intercept(InterceptorBatchMethods* methods) override {
    if (methods->QueryInterceptionHookPoint(
            InterceptionHookPoints::POST_RECV_MESSAGE) &&
        methods->GetRecvMessage() == nullptr) {
      unreadable_ = true;
    }
    if (unreadable_ && methods->QueryInterceptionHookPoint(
                           InterceptionHookPoints::PRE_SEND_STATUS)) {
      const absl::Status answer = Unreadable();
      RecordUnhandled(path_.substr(path_.rfind('/') + 1), answer);
      methods->ModifySendStatus(ToGrpcStatus(answer));
    }
    // Last: it may end the call, and with it this and `methods`.
    methods->Proceed();
  }

 private:
  const absl::string_view path_;
  bool unreadable_ = false;
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
    return one_request ? new RefuseUnreadable(info->method()) : nullptr;
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
