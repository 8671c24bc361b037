// Prometheus metrics of this process.
//
// A thin layer over prometheus-cpp: one registry, and a page of it on a port of
// its own. The returned references live as long as the process; look a metric
// up once and keep it, a look-up takes a lock. Thread-safe.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "prometheus/counter.h"
#include "prometheus/gauge.h"
#include "prometheus/histogram.h"

namespace platform::metrics {

using Labels = std::map<std::string, std::string>;

// The metric `name` with `labels`, made at first use. Names follow
// https://prometheus.io/docs/practices/naming: base units, `_total` for
// counters. The same name must always come with the same `help`.
prometheus::Counter& Counter(const std::string& name, const std::string& help,
                             const Labels& labels = {});
prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                         const Labels& labels = {});
// A histogram of seconds, 0.5 ms to 10 s.
prometheus::Histogram& Seconds(const std::string& name, const std::string& help,
                               const Labels& labels = {});

// Serves the registry at http://<address>/metrics while it lives.
class Page {
 public:
  // What else that port answers: plain text, or a status as HTTP 400. `method`
  // is GET, POST or DELETE, `body` at most 64 KiB. Called on the page's thread.
  struct Route {
    std::string path;
    std::function<absl::StatusOr<std::string>(absl::string_view method,
                                              const std::string& body)>
        handler;
  };

  // `address` is host:port. Fails with `FAILED_PRECONDITION` if it is taken.
  static absl::StatusOr<std::unique_ptr<Page>> Serve(
      const std::string& address, std::vector<Route> routes = {});
  virtual ~Page() = default;
};

// The registry as text; for tests.
std::string Text();

}  // namespace platform::metrics
