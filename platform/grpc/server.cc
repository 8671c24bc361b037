#include "platform/grpc/server.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpc/grpc.h"
#include "grpc/health/v1/health.pb.h"
#include "grpc/support/log.h"
#include "grpcpp/ext/proto_server_reflection_plugin.h"
#include "grpcpp/grpcpp.h"
#include "grpcpp/health_check_service_interface.h"

#include "platform/grpc/unreadable.h"
#include "platform/log/log.h"
#include "platform/status/error.h"
#include "platform/thread/tsan.h"

namespace platform::rpc {
namespace {

// gRPC's own complaints, as lines of ours.
void LogLine(gpr_log_func_args* args) {
  log::Warning("grpc", {{"error", args->message}});
}

// While a server starts: what went wrong then is said once, by Start().
void LogNothing(gpr_log_func_args* /*args*/) {}

}  // namespace

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
  builder.AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS,
                             options.max_streams);
  // Else a second process on the same port would silently share it.
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // A peer may see by pings that we are dead, as often as every 5 s, idle too;
  // gRPC's own limit, 5 min, would take our own clients for attackers. Whoever
  // pings more often than that, three times, is disconnected.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  // And we see by pings that a peer is dead, and let go of what it held.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, 30'000);
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, 10'000);
  for (grpc::Service* service : services) builder.RegisterService(service);
  std::vector<
      std::unique_ptr<grpc::experimental::ServerInterceptorFactoryInterface>>
      interceptors;
  interceptors.push_back(RefuseUnreadableRequests());
  builder.experimental().SetInterceptorCreators(std::move(interceptors));
  gpr_set_log_function(LogNothing);
  tsan::HandOver(&tsan::to_handlers);
  server->server_ = builder.BuildAndStart();
  gpr_set_log_function(LogLine);
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
