#include "platform/grpc/call.h"

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/server_context.h"

#include "platform/failpoint/failpoint.h"
#include "platform/grpc/status.h"
#include "platform/log/log.h"
#include "platform/metrics/metrics.h"
#include "platform/status/error.h"
#include "platform/thread/mutex.h"
#include "platform/thread/tsan.h"

namespace platform::rpc {
namespace {

// A call that Run() has admitted, before its work.
failpoint::Point before_work("rpc.before_work");

// How long a call may take whose caller did not say.
constexpr absl::Duration kDefaultDeadline = absl::Seconds(10);

absl::Time DeadlineOf(const grpc::CallbackServerContext& context,
                      absl::Time start) {
  const auto deadline = context.deadline();
  // How gRPC says that there is none.
  if (deadline == std::chrono::system_clock::time_point::max()) {
    return start + kDefaultDeadline;
  }
  return absl::FromChrono(deadline);
}

std::vector<std::string> MetadataOf(const grpc::ServerContextBase& context,
                                    absl::string_view key) {
  const auto [begin, end] = context.client_metadata().equal_range(
      grpc::string_ref(key.data(), key.size()));
  std::vector<std::string> values;
  for (auto it = begin; it != end; ++it) {
    values.emplace_back(it->second.data(), it->second.size());
  }
  return values;
}

TraceContext TraceOf(const grpc::ServerContextBase& context) {
  const std::vector<std::string> values = MetadataOf(context, "traceparent");
  return ContinueTrace(values.empty() ? "" : values.front());
}

// What a client may know: a bug's cause is for the log only.
absl::Status ForClient(const absl::Status& status) {
  if (status.code() == absl::StatusCode::kInternal ||
      status.code() == absl::StatusCode::kUnknown) {
    return Error(absl::StatusCode::kInternal, "INTERNAL",
                 "Something went wrong on our side.");
  }
  if (status.ok() || !ReasonOf(status).empty()) return status;
  absl::Status told = Error(
      status.code(), absl::StatusCodeToString(status.code()), status.message());
  status.ForEachPayload([&](absl::string_view url, const absl::Cord& value) {
    told.SetPayload(url, value);
  });
  return told;
}

// The metrics of one method. Looked up once per method and code.
class MethodMetrics {
 public:
  explicit MethodMetrics(const char* method)
      : method_(method),
        seconds_(metrics::Seconds("grpc_request_seconds",
                                  "Time from a request to its answer.",
                                  {{"method", method}})),
        refusal_seconds_(
            metrics::Seconds("grpc_refusal_seconds",
                             "Time from a request to its refusal for overload.",
                             {{"method", method}})) {}

  void Count(absl::StatusCode code, absl::Duration took) {
    seconds_.Observe(absl::ToDoubleSeconds(took));
    if (code == absl::StatusCode::kResourceExhausted) {
      refusal_seconds_.Observe(absl::ToDoubleSeconds(took));
    }
    std::atomic<prometheus::Counter*>& slot =
        by_code_[static_cast<size_t>(code) % by_code_.size()];
    prometheus::Counter* counter = slot.load();
    if (counter == nullptr) {
      counter = &metrics::Counter(
          "grpc_requests_total", "Requests answered.",
          {{"method", method_}, {"code", absl::StatusCodeToString(code)}});
      slot.store(counter);
    }
    counter->Increment();
  }

 private:
  const std::string method_;
  prometheus::Histogram& seconds_;
  prometheus::Histogram& refusal_seconds_;
  std::array<std::atomic<prometheus::Counter*>, 17> by_code_{};
};

// `method` is a literal: its address is its name.
MethodMetrics& MetricsOf(const char* method) {
  static auto* const mutex = new Mutex;
  static auto* const all = new std::map<const char*, MethodMetrics>;
  MutexLock lock(*mutex);
  return all->try_emplace(method, method).first->second;
}

grpc::ServerContextBase* TakenOver(grpc::ServerContextBase* context) {
  tsan::TakeOver(&tsan::to_handlers);
  return context;
}

}  // namespace

CallRecord::CallRecord(grpc::ServerContextBase* context, const char* method)
    : context_(TakenOver(context)),
      method_(method),
      start_(absl::Now()),
      trace_(TraceOf(*context)) {}

std::vector<std::string> CallRecord::Metadata(absl::string_view key) const {
  return MetadataOf(*context_, key);
}

grpc::Status CallRecord::End(const absl::Status& status) {
  const absl::Status told = ForClient(status);
  const bool bug = told.code() == absl::StatusCode::kInternal;
  const absl::Duration took = absl::Now() - start_;
  log::Write(bug ? log::Level::kError : log::Level::kInfo, "rpc",
             {{"method", method_},
              {"code", absl::StatusCodeToString(told.code())},
              {"reason", ReasonOf(told)},
              {"cause", bug ? std::string(status.message()) : CauseOf(status)},
              {log::AggregateKey(), aggregate_id_},
              {"duration_ms", took},
              {"trace_id", trace_.trace_id}});
  MetricsOf(method_).Count(told.code(), took);
  if (const auto delay = RetryAfterOf(told); delay.has_value()) {
    const int64_t seconds = std::max<int64_t>(
        1, absl::ToInt64Seconds(absl::Ceil(*delay, absl::Seconds(1))));
    context_->AddTrailingMetadata("retry-after", absl::StrCat(seconds));
  }
  grpc::Status answer = ToGrpcStatus(told);
  tsan::HandOver(&tsan::to_clients);
  return answer;
}

Call::Call(grpc::CallbackServerContext* context, const char* method)
    : record_(context, method),
      deadline_(DeadlineOf(*context, record_.start())) {}

void Call::Finish(const absl::Status& status) {
  // May delete this.
  grpc::ServerUnaryReactor::Finish(record_.End(status));
}

grpc::ServerUnaryReactor* Run(Executor& executor, Priority priority,
                              grpc::CallbackServerContext* context,
                              const char* method,
                              std::function<absl::Status(Call&)> work) {
  auto* const call = new Call(context, method);
  const absl::Status submitted = executor.Submit(
      priority, call->deadline(),
      [call, work = std::move(work)](const absl::Status& admitted) {
        if (!admitted.ok()) return call->Finish(admitted);
        if (call->cancelled()) return call->Finish(absl::CancelledError());
        if (absl::Status status = before_work.Hit(); !status.ok()) {
          return call->Finish(status);
        }
        call->Finish(work(*call));
      });
  if (!submitted.ok()) call->Finish(submitted);
  return call;
}

grpc::ServerUnaryReactor* Answer(grpc::CallbackServerContext* context,
                                 const char* method,
                                 const absl::Status& status) {
  auto* const call = new Call(context, method);
  call->Finish(status);
  return call;
}

}  // namespace platform::rpc
