#include "platform/grpc/status.h"

#include <algorithm>
#include <string>

#include "absl/strings/cord.h"
#include "absl/strings/match.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace platform::rpc {

grpc::Status ToGrpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  google::rpc::Status rich;
  rich.set_code(static_cast<int>(status.code()));
  rich.set_message(std::string(status.message()));
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    // Others are for this process only, e.g. a cause.
    if (!absl::StartsWith(url, "type.googleapis.com/")) return;
    google::protobuf::Any* detail = rich.add_details();
    detail->set_type_url(std::string(url));
    detail->set_value(std::string(value));
  });
  // absl::Status gives them in any order.
  std::sort(rich.mutable_details()->begin(), rich.mutable_details()->end(),
            [](const google::protobuf::Any& a, const google::protobuf::Any& b) {
              const bool first = a.Is<google::rpc::ErrorInfo>();
              if (first != b.Is<google::rpc::ErrorInfo>()) return first;
              return a.type_url() < b.type_url();
            });
  return {static_cast<grpc::StatusCode>(rich.code()), rich.message(),
          rich.SerializeAsString()};
}

absl::Status FromGrpcStatus(const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  google::rpc::Status rich;
  if (!rich.ParseFromString(status.error_details())) return result;
  for (const google::protobuf::Any& detail : rich.details()) {
    result.SetPayload(detail.type_url(), absl::Cord(detail.value()));
  }
  return result;
}

}  // namespace platform::rpc
