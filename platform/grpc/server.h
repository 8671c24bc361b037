// A gRPC server with health and reflection.
#pragma once

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "grpcpp/impl/codegen/service_type.h"
#include "grpcpp/server.h"

namespace platform::rpc {

struct ServerOptions {
  std::string listen;                 // host:port; port 0: the kernel's
  int max_request_bytes = 64 * 1024;  // larger ones: RESOURCE_EXHAUSTED
  // A client's 8 KiB, what gateway and mesh add, and the 32 bytes that HTTP/2
  // counts for each header.
  int max_metadata_bytes = 12 * 1024;
  int max_streams = 1024;  // calls in hand of one connection; more of them wait
};

// Serves while it lives. `grpc.health.v1.Health` answers for "" (readiness) and
// for "liveness", which is SERVING as long as the process answers. Starts not
// ready.
class Server {
 public:
  // Fails with `FAILED_PRECONDITION` / `ADDRESS_IN_USE`, one clear line, if the
  // port is taken. `services` must outlive the server.
  static absl::StatusOr<std::unique_ptr<Server>> Start(
      const ServerOptions& options, absl::Span<grpc::Service* const> services);
  ~Server();
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;

  // The port it listens on.
  int port() const { return port_; }

  // Readiness: "started, schema present, not draining".
  void SetReady(bool ready);

  // Takes no new calls, waits up to `grace` for those in hand, then ends them.
  // A client that watches our health is a call in hand.
  void Stop(absl::Duration grace);

 private:
  explicit Server() = default;
  std::unique_ptr<grpc::Server> server_;
  int port_ = 0;
};

}  // namespace platform::rpc
