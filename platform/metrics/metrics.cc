#include "platform/metrics/metrics.h"

#include <exception>

#include "absl/strings/str_cat.h"
#include "prometheus/exposer.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

#include "platform/status/error.h"

namespace platform::metrics {
namespace {

std::shared_ptr<prometheus::Registry> Registry() {
  static auto* const registry = new std::shared_ptr<prometheus::Registry>(
      std::make_shared<prometheus::Registry>(
          prometheus::Registry::InsertBehavior::Merge));
  return *registry;
}

const prometheus::Histogram::BucketBoundaries& SecondsBuckets() {
  static const auto* const buckets =
      new prometheus::Histogram::BucketBoundaries{
          0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
          0.1,    0.25,  0.5,    1,     2.5,  5,     10};
  return *buckets;
}

class ExposedPage final : public Page {
 public:
  explicit ExposedPage(const std::string& address) : exposer_(address, 1) {
    exposer_.RegisterCollectable(Registry());
  }

 private:
  prometheus::Exposer exposer_;
};

}  // namespace

prometheus::Counter& Counter(const std::string& name, const std::string& help,
                             const Labels& labels) {
  return prometheus::BuildCounter()
      .Name(name)
      .Help(help)
      .Register(*Registry())
      .Add(labels);
}

prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                         const Labels& labels) {
  return prometheus::BuildGauge()
      .Name(name)
      .Help(help)
      .Register(*Registry())
      .Add(labels);
}

prometheus::Histogram& Seconds(const std::string& name, const std::string& help,
                               const Labels& labels) {
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(*Registry())
      .Add(labels, SecondsBuckets());
}

absl::StatusOr<std::unique_ptr<Page>> Page::Serve(const std::string& address) {
  // civetweb says no by an exception.
  try {
    return std::make_unique<ExposedPage>(address);
  } catch (const std::exception&) {
    return Error(absl::StatusCode::kFailedPrecondition, "ADDRESS_IN_USE",
                 absl::StrCat("--metrics_listen: cannot listen on ", address,
                              "; is the port taken?"),
                 {{"address", address}});
  }
}

std::string Text() {
  return prometheus::TextSerializer().Serialize(Registry()->Collect());
}

}  // namespace platform::metrics
