// Requests that protobuf cannot read.
#pragma once

#include <memory>

#include "absl/status/status.h"
#include "grpcpp/support/server_interceptor.h"

namespace platform::rpc {

// Makes interceptors that answer a request whose bytes are no message (garbage,
// or a string that is not UTF-8), or that has none, with `INVALID_ARGUMENT` /
// `INVALID_FIELD`, logged and counted as CallRecord::End() says.
// gRPC's callback server itself says `UNIMPLEMENTED`, which counts as a failure
// of the server: one client could get every replica ejected.
std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>
RefuseUnreadableRequests();

// That answer, for handlers that parse a request themselves.
absl::Status Unreadable();

}  // namespace platform::rpc
