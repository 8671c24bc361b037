// absl::Status ↔ grpc::Status, with details.
#pragma once

#include "absl/status/status.h"
#include "grpcpp/support/status.h"

namespace platform::rpc {

// Payloads of `status` become details of a `google.rpc.Status` in
// `grpc-status-details-bin`: `ErrorInfo` first, then the others by type.
grpc::Status ToGrpcStatus(const absl::Status& status);

// The way back: details become payloads, so `platform::ReasonOf()` works on
// what a peer answered.
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace platform::rpc
