#include "platform/metrics/metrics.h"

#include <algorithm>
#include <exception>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "prometheus/registry.h"
#include "prometheus/text_serializer.h"

#include "CivetServer.h"
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

constexpr size_t kLongestBody = 64 << 10;

// One path of the page.
class RouteHandler final : public CivetHandler {
 public:
  explicit RouteHandler(Page::Route route) : route_(std::move(route)) {}

  bool handleGet(CivetServer*, mg_connection* connection) override {
    return Handle("GET", connection);
  }
  bool handlePost(CivetServer*, mg_connection* connection) override {
    return Handle("POST", connection);
  }
  bool handleDelete(CivetServer*, mg_connection* connection) override {
    return Handle("DELETE", connection);
  }

 private:
  bool Handle(absl::string_view method, mg_connection* connection) {
    std::string body(kLongestBody, '\0');
    const int size = mg_read(connection, body.data(), body.size());
    body.resize(static_cast<size_t>(std::max(size, 0)));
    const absl::StatusOr<std::string> answer = route_.handler(method, body);
    const std::string text =
        answer.ok()
            ? *answer
            : absl::StrCat(std::string(answer.status().message()), "\n");
    const std::string head = absl::StrCat(
        "HTTP/1.1 ", answer.ok() ? "200 OK" : "400 Bad Request",
        "\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8"
        "\r\nContent-Length: ",
        text.size(), "\r\n\r\n");
    mg_write(connection, head.data(), head.size());
    mg_write(connection, text.data(), text.size());
    return true;
  }

  const Page::Route route_;
};

class ServedPage final : public Page {
 public:
  ServedPage(const std::string& address, std::vector<Route> routes)
      : server_({"listening_ports", address, "num_threads", "2"}) {
    routes.push_back({"/metrics", [](absl::string_view, const std::string&) {
                        return Text();
                      }});
    for (Route& route : routes) {
      const std::string path = route.path;
      handlers_.push_back(std::make_unique<RouteHandler>(std::move(route)));
      server_.addHandler(path, *handlers_.back());
    }
  }
  ~ServedPage() override { server_.close(); }

 private:
  std::vector<std::unique_ptr<RouteHandler>> handlers_;
  CivetServer server_;
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

absl::StatusOr<std::unique_ptr<Page>> Page::Serve(const std::string& address,
                                                  std::vector<Route> routes) {
  // civetweb says no by an exception.
  try {
    return std::make_unique<ServedPage>(address, std::move(routes));
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
