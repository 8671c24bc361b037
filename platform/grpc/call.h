// Calls on gRPC's callback API, from arrival to answer.
#pragma once

#include <atomic>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "grpcpp/support/server_callback.h"

#include "platform/thread/executor.h"
#include "platform/trace/trace_context.h"

namespace platform::rpc {

// Who calls what since when: what calls of every kind end with.
class CallRecord {
 public:
  // `method` must be a literal, the RPC's name.
  CallRecord(grpc::ServerContextBase* context, const char* method);

  // Turns `status` into details and `retry-after` trailing metadata, logs one
  // line, and counts grpc_requests_total{method,code},
  // grpc_request_seconds{method} and, of those that were refused for overload,
  // grpc_refusal_seconds{method}. Returns what to finish the call with.
  // Whatever is not OK gets an ErrorInfo if it has none, so every error carries
  // one. Once.
  grpc::Status End(const absl::Status& status);

  absl::Time start() const { return start_; }
  const TraceContext& trace() const { return trace_; }
  // The values of request metadata `key` (lower case), in the order they came.
  std::vector<std::string> Metadata(absl::string_view key) const;
  // Names what the call is about in its log line.
  void SetAggregateId(absl::string_view id) { aggregate_id_ = std::string(id); }

 private:
  grpc::ServerContextBase* const context_;
  const char* const method_;
  const absl::Time start_;
  const TraceContext trace_;
  std::string aggregate_id_;
};

// A call that is finished exactly once, from any thread, as CallRecord::End()
// says.
//
// gRPC owns it after it was returned from the handler; it deletes itself when
// the answer has left. Touch neither it nor request and response after
// Finish().
class Call final : public grpc::ServerUnaryReactor {
 public:
  // `method` must be a literal, the RPC's name.
  Call(grpc::CallbackServerContext* context, const char* method);

  // Answers. May delete this before it returns; hold no lock.
  void Finish(const absl::Status& status);

  // When the caller stops waiting; 10 s after arrival if he did not say.
  absl::Time deadline() const { return deadline_; }
  // True if the caller has gone: nobody reads the answer.
  bool cancelled() const { return cancelled_.load(); }
  const TraceContext& trace() const { return record_.trace(); }
  // The values of request metadata `key` (lower case), in the order they came.
  std::vector<std::string> Metadata(absl::string_view key) const {
    return record_.Metadata(key);
  }
  // Names what the call is about in its log line. Before Finish().
  void SetAggregateId(absl::string_view id) { record_.SetAggregateId(id); }

 private:
  void OnCancel() override { cancelled_.store(true); }
  void OnDone() override { delete this; }
  // Says that both are trivial and take no lock: gRPC then calls them where it
  // is, and not from another thread. It means this for its own reactors; should
  // it go away, this no longer compiles.
  bool InternalInlineable() override { return true; }

  CallRecord record_;
  const absl::Time deadline_;
  std::atomic<bool> cancelled_ = false;
};

// Runs `work` on `executor` and finishes the call with what it returns, or with
// the refusal. The usual body of a handler:
//
//   return rpc::Run(executor_, Priority::kUrgent, context, "GetOrder",
//                   [=, this](rpc::Call& call) { … return absl::OkStatus(); });
grpc::ServerUnaryReactor* Run(Executor& executor, Priority priority,
                              grpc::CallbackServerContext* context,
                              const char* method,
                              std::function<absl::Status(Call&)> work);

// Finishes a new call with `status` at once, e.g. a failed validation.
grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                 const char* method,
                                 const absl::Status& status);

}  // namespace platform::rpc
