#include "platform/metrics/metrics.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "tests/support/status_matchers.h"

namespace platform::metrics {
namespace {

using test_support::Fails;
using test_support::IsOk;
using ::testing::HasSubstr;

// A socket on a port of 127.0.0.1 that the kernel chose.
class Socket {
 public:
  Socket() : fd_(socket(AF_INET, SOCK_STREAM, 0)) {
    address_.sin_family = AF_INET;
    address_.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  }
  ~Socket() { close(fd_); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  void Listen() {
    ASSERT_EQ(bind(fd_, Address(), sizeof(address_)), 0);
    ASSERT_EQ(listen(fd_, 1), 0);
    socklen_t size = sizeof(address_);
    ASSERT_EQ(getsockname(fd_, Address(), &size), 0);
  }
  int port() const { return ntohs(address_.sin_port); }

  // What the server on `port` answers to GET `path`.
  std::string Get(int port, absl::string_view path) {
    address_.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(connect(fd_, Address(), sizeof(address_)), 0);
    const std::string request =
        absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: x\r\n\r\n");
    EXPECT_EQ(write(fd_, request.data(), request.size()),
              static_cast<ssize_t>(request.size()));
    std::string answer(1 << 16, '\0');
    size_t size = 0;
    for (ssize_t n = 1; n > 0; size += static_cast<size_t>(n)) {
      n = read(fd_, answer.data() + size, answer.size() - size);
    }
    answer.resize(size);
    return answer;
  }

 private:
  sockaddr* Address() { return reinterpret_cast<sockaddr*>(&address_); }
  int fd_;
  sockaddr_in address_{};
};

int FreePort() {
  Socket socket;
  socket.Listen();
  return socket.port();
}

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameMetric) {
  prometheus::Counter& one = Counter("same_total", "Help.", {{"a", "1"}});
  prometheus::Counter& same = Counter("same_total", "Help.", {{"a", "1"}});
  prometheus::Counter& other = Counter("same_total", "Help.", {{"a", "2"}});

  EXPECT_EQ(&one, &same);
  EXPECT_NE(&one, &other);
}

TEST(MetricsTest, AreShownAsText) {
  Counter("things_total", "Things seen.", {{"kind", "odd"}}).Increment(3);
  Gauge("level", "How full.").Set(0.5);
  Seconds("wait_seconds", "How long.").Observe(0.003);
  const std::string text = Text();

  EXPECT_THAT(text, HasSubstr("# HELP things_total Things seen."));
  EXPECT_THAT(text, HasSubstr("things_total{kind=\"odd\"} 3"));
  EXPECT_THAT(text, HasSubstr("level 0.5"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"0.0025\"} 0"));
  EXPECT_THAT(text, HasSubstr("wait_seconds_bucket{le=\"0.005\"} 1"));
}

TEST(MetricsPageTest, ServesTheMetrics) {
  Counter("served_total", "Help.").Increment();
  const int port = FreePort();
  const auto page = Page::Serve(absl::StrCat("127.0.0.1:", port));
  ASSERT_THAT(page, IsOk());

  EXPECT_THAT(Socket().Get(port, "/metrics"), HasSubstr("served_total 1"));
}

TEST(MetricsPageTest, ServesWhatElseItIsGiven) {
  const int port = FreePort();
  const auto page =
      Page::Serve(absl::StrCat("127.0.0.1:", port),
                  {{"/good",
                    [](absl::string_view method, const std::string&) {
                      return absl::StrCat("it was a ", method);
                    }},
                   {"/bad", [](absl::string_view, const std::string&) {
                      return absl::InvalidArgumentError("no");
                    }}});
  ASSERT_THAT(page, IsOk());

  EXPECT_THAT(Socket().Get(port, "/good"), HasSubstr("it was a GET"));
  EXPECT_THAT(Socket().Get(port, "/bad"), HasSubstr("400 Bad Request"));
  EXPECT_THAT(Socket().Get(port, "/failpoints"), HasSubstr("404"));
}

TEST(MetricsPageTest, SaysThatTheAddressIsTaken) {
  Socket taken;
  taken.Listen();
  const auto page = Page::Serve(absl::StrCat("127.0.0.1:", taken.port()));

  EXPECT_THAT(page,
              Fails(absl::StatusCode::kFailedPrecondition, "ADDRESS_IN_USE"));
  EXPECT_THAT(std::string(page.status().message()),
              HasSubstr(absl::StrCat(taken.port())));
}

}  // namespace
}  // namespace platform::metrics
