#include "platform/grpc/server.h"

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/health/v1/health.pb.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"

#include "platform/status/error.h"

namespace platform::rpc {

absl::StatusOr<std::unique_ptr<Server>> Server::Start(
    const ServerOptions& options, absl::Span<grpc::Service* const> services) {
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  // Links health.proto's description in, for reflection.
  grpc::health::v1::HealthCheckRequest::descriptor();

  // A private constructor, so no make_unique.
  std::unique_ptr<Server> server(new Server);
  grpc::ServerBuilder builder;
  builder.AddListeningPort(options.listen, grpc::InsecureServerCredentials(),
                           &server->port_);
  builder.SetMaxReceiveMessageSize(options.max_request_bytes);
  builder.AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE,
                             options.max_metadata_bytes);
  // Else a second process on the same port would silently share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  for (grpc::Service* service : services) builder.RegisterService(service);
  server->server_ = builder.BuildAndStart();
  if (server->server_ == nullptr || server->port_ == 0) {
    return Error(absl::StatusCode::kFailedPrecondition, "ADDRESS_IN_USE",
                 absl::StrCat("--listen: cannot listen on ", options.listen,
                              "; is the port taken?"),
                 {{"address", options.listen}});
  }
  server->SetReady(false);
  server->server_->GetHealthCheckService()->SetServingStatus("liveness", true);
  return server;
}

Server::~Server() { Stop(absl::ZeroDuration()); }

void Server::SetReady(bool ready) {
  server_->GetHealthCheckService()->SetServingStatus("", ready);
}

void Server::Stop(absl::Duration grace) {
  if (server_ == nullptr) return;
  server_->Shutdown(absl::ToChronoTime(absl::Now() + grace));
  server_->Wait();
  server_.reset();
}

}  // namespace platform::rpc
