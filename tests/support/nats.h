// A real nats-server for tests.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/support/process.h"

namespace test_support {

struct NatsOptions {
  // Lines of nats-server's configuration, added to the test's own (which sets
  // host, port, JetStream and a short ping_interval).
  std::string config = {};
};

// A nats-server with JetStream of the test's own, with its data in a folder
// that is gone at the end. It keeps its port and data when it is stopped and
// started again. Not thread-safe.
//
// The program is the environment variable NATS_SERVER, else the checkout's
// `.tools/bin/nats-server`, else the one in PATH.
class NatsServer {
 public:
  explicit NatsServer(NatsOptions options = {});
  ~NatsServer();
  NatsServer(const NatsServer&) = delete;
  NatsServer& operator=(const NatsServer&) = delete;

  // nats://127.0.0.1:<port>
  std::string url() const;

  // Returns when it answers. No effect if it runs.
  void Start();
  // In good order.
  void Stop();
  // kill -9.
  void Kill();
  // Stops for a while without closing a connection, as a machine that hangs.
  void Freeze();
  void Thaw();
  // Removes streams, consumers and messages. It must be stopped.
  void WipeData();
  // NatsOptions::config from the next start on.
  void Configure(std::string config);

  // What it has logged.
  std::string Log() const;

 private:
  bool TryStart();

  NatsOptions options_;
  TempDir dir_;
  int port_ = 0;
  std::unique_ptr<Process> server_;
};

// Makes the streams and durables that `files` declare (absolute paths, or paths
// in the repository, e.g. "order/jetstream.json"), as the provisioner does.
// Aborts the test if that fails.
void Provision(const std::string& nats_url,
               const std::vector<std::string>& files);

}  // namespace test_support
