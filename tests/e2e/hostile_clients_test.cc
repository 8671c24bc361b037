// What the gateway does to clients that break the rules, while others, who keep
// them, must not notice: oversized and malformed headers, broken metadata,
// frames that no HTTP/2 peer may send, floods, rapid resets, bodies that never
// come, and a thousand connections that say nothing.

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/time/clock.h"

#include "tests/e2e/system.h"
#include "tests/support/eventually.h"

namespace e2e {
namespace {

using test_support::Eventually;
using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ContainsRegex;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr absl::Duration kAttack = absl::Seconds(12);
// Between two attacks of one attacker: what is tried is what they do to the
// gateway, not who gets more of this machine's processors.
constexpr absl::Duration kBreath = absl::Milliseconds(100);
constexpr absl::Duration kFloodEvery = absl::Milliseconds(300);

// A connection on which anything can be sent.
class Raw {
 public:
  // Comes from `address`, one of this machine's.
  explicit Raw(int port, const char* address = "127.0.0.1")
      : fd_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    const timeval patience{.tv_sec = 10, .tv_usec = 0};
    setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    setsockopt(fd_, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
    sockaddr_in from = Address(address, 0);
    sockaddr_in to = Address("127.0.0.1", port);
    ok_ = bind(fd_, reinterpret_cast<sockaddr*>(&from), sizeof from) == 0 &&
          connect(fd_, reinterpret_cast<sockaddr*>(&to), sizeof to) == 0;
  }
  ~Raw() { close(fd_); }
  Raw(const Raw&) = delete;
  Raw& operator=(const Raw&) = delete;

  // False once the other side has closed.
  bool Send(const std::string& bytes) {
    size_t sent = 0;
    while (ok_ && sent < bytes.size()) {
      const ssize_t n =
          send(fd_, bytes.data() + sent, bytes.size() - sent, MSG_NOSIGNAL);
      if (n <= 0) ok_ = false;
      sent += n > 0 ? static_cast<size_t>(n) : 0;
    }
    return ok_;
  }
  // What comes until it is enough, the other side closes, or the time is up.
  std::string Read(absl::Duration patience,
                   absl::FunctionRef<bool(const std::string&)> enough) {
    const absl::Time end = absl::Now() + patience;
    std::string all;
    char buffer[4096];
    while (!closed_ && !enough(all) && absl::Now() < end) {
      const timeval time =
          absl::ToTimeval(std::max(end - absl::Now(), absl::Milliseconds(1)));
      setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
      const ssize_t n = recv(fd_, buffer, sizeof buffer, 0);
      closed_ = n == 0 || (n < 0 && errno != EAGAIN);
      if (n > 0) all.append(buffer, static_cast<size_t>(n));
    }
    return all;
  }
  bool closed() const { return closed_; }

 private:
  static sockaddr_in Address(const char* address, int port) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(static_cast<uint16_t>(port));
    inet_pton(AF_INET, address, &result.sin_addr);
    return result;
  }

  int fd_;
  bool ok_ = false;
  bool closed_ = false;
};

int GatewayPort(const System& system) {
  int port = 0;
  EXPECT_TRUE(absl::SimpleAtoi(system["GATEWAY_PORT"], &port));
  return port;
}

// HTTP/2, byte by byte.

std::string Frame(size_t type, size_t flags, uint32_t stream,
                  const std::string& payload) {
  const auto byte = [](size_t value) {
    return static_cast<char>(value & 0xff);
  };
  const size_t size = payload.size();
  return std::string{byte(size >> 16),   byte(size >> 8),   byte(size),
                     byte(type),         byte(flags),       byte(stream >> 24),
                     byte(stream >> 16), byte(stream >> 8), byte(stream)} +
         payload;
}
constexpr int kData = 0, kHeaders = 1, kPriority = 2, kReset = 3, kSettings = 4,
              kPing = 6, kGoAway = 7, kWindowUpdate = 8, kContinuation = 9;
constexpr int kEndStream = 1, kEndHeaders = 4;

// Of a frame that has come.
struct FrameHead {
  int type;
  int flags;
  size_t size;  // of its payload
};

// The frames that have come whole; without those that any connection sees.
std::vector<FrameHead> FramesIn(absl::string_view bytes) {
  std::vector<FrameHead> frames;
  while (bytes.size() >= 9) {
    const auto byte = [&](size_t at) {
      return static_cast<unsigned char>(bytes[at]);
    };
    const size_t size = (byte(0) * 256U + byte(1)) * 256U + byte(2);
    const FrameHead frame{.type = byte(3), .flags = byte(4), .size = size};
    if (bytes.size() < 9 + size) break;
    if (frame.type != kSettings && frame.type != kPing &&
        frame.type != kWindowUpdate) {
      frames.push_back(frame);
    }
    bytes.remove_prefix(9 + size);
  }
  return frames;
}

// Nothing more comes for the one stream that there is.
bool IsTheLast(const FrameHead& frame) {
  return frame.type == kGoAway || frame.type == kReset ||
         (frame.flags & kEndStream) != 0;
}

std::string Preface() {
  return "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kSettings, 0, 0, "");
}

std::string HpackString(const std::string& text) {
  std::string length;
  size_t rest = text.size();
  if (rest < 127) {
    length.push_back(static_cast<char>(rest));
  } else {
    length.push_back(127);
    for (rest -= 127; rest >= 128; rest /= 128) {
      length.push_back(static_cast<char>(rest % 128 + 128));
    }
    length.push_back(static_cast<char>(rest));
  }
  return length + text;
}

std::string Hpack(const Headers& headers) {
  std::string block;
  for (const auto& [name, value] : headers) {
    block += std::string(1, '\0') + HpackString(name) + HpackString(value);
  }
  return block;
}

// By somebody who may, if `who` is his token: or it would go no further than
// the gateway.
Headers GrpcCall(const Headers& who, const Headers& more = {}) {
  Headers headers = {{":method", "POST"},
                     {":scheme", "http"},
                     {":path", "/restaurant.order.v1.OrderService/PlaceOrder"},
                     {":authority", "x"},
                     {"content-type", "application/grpc"},
                     {"te", "trailers"}};
  headers.insert(headers.end(), who.begin(), who.end());
  headers.insert(headers.end(), more.begin(), more.end());
  return headers;
}

// A whole call with this message behind it.
std::string Call(const Headers& who, const Headers& more,
                 const std::string& message) {
  return Frame(kHeaders, kEndHeaders, 1, Hpack(GrpcCall(who, more))) +
         Frame(kData, kEndStream, 1, message);
}

// Up to the status: `HTTP/1.1 200`.
constexpr size_t kStatusLine = 12;

std::string Http1(const std::string& first_line, const std::string& headers,
                  const std::string& body = "") {
  return first_line + "\r\nhost: x\r\n" + headers + "\r\n" + body;
}

// Requests that no client may send. Whoever took one would answer 200: `who`
// may ask for what is asked for here. Each is refused, or the connection is
// closed, or both.
std::vector<std::pair<std::string, std::string>> Malformed(const Headers& who) {
  const std::string nul(1, '\0');
  const std::string get = "GET /orders?customer_id=1 HTTP/1.1";
  const std::string post = "POST /orders HTTP/1.1";
  const std::string order =
      R"({"customer_id":1,"restaurant_id":1,"restaurant_menu_id":1,"qty":1})";
  std::string token;
  for (const auto& [name, value] : who) {
    absl::StrAppend(&token, name, ": ", value, "\r\n");
  }
  const auto http1 = [&](const std::string& first_line,
                         const std::string& headers,
                         const std::string& body = "") {
    return Http1(first_line, token + headers, body);
  };
  std::vector<std::pair<std::string, std::string>> all = {
      {"a header of 9 KiB",
       http1(get, "x: " + std::string(9000, 'a') + "\r\n")},
      {"headers of 1 MiB",
       http1(get, "x: " + std::string(1 << 20, 'a') + "\r\n")},
      {"a path of 20 KiB",
       http1("GET /?" + std::string(20000, 'a') + " HTTP/1.1", "")},
      {"no HTTP", "\x16\x03\x01\x02 hello\r\n\r\n"},
      {"no version", "GET /orders?customer_id=1\r\n" + token + "\r\n"},
      {"no host", get + "\r\n" + token + "\r\n"},
      {"NUL in a path", http1("GET /?" + nul + " HTTP/1.1", "")},
      {"NUL in a header", http1(get, "x: a" + nul + "\r\n")},
      {"a header without a colon", http1(get, "nonsense\r\n")},
      {"a blank before the colon", http1(get, "content-length : 0\r\n")},
      {"a negative length", http1(get, "content-length: -1\r\n")},
      {"two lengths",
       http1(post,
             absl::StrCat("content-length: ", order.size(),
                          "\r\ncontent-length: ", order.size() + 1, "\r\n"),
             order + " ")},
      {"a length and chunks",
       http1(get, "content-length: 5\r\ntransfer-encoding: chunked\r\n",
             "0\r\n\r\n")},
      {"chunks of another kind",
       http1(get, "transfer-encoding: xchunked\r\n", "0\r\n\r\n")},
      {"a chunk that is no number",
       http1(get, "transfer-encoding: chunked\r\n", "zz\r\n")},
      {"a chunk without end",
       http1(get, "transfer-encoding: chunked\r\n", "ffffffffffffffffff\r\n")},
      {"frames before settings",
       "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + Frame(kData, 0, 1, "x")},
      {"garbage for frames", Preface() + std::string(4096, '\xff')},
      {"data of no stream", Preface() + Frame(kData, 0, 0, "x")},
      {"data of a stream that never was", Preface() + Frame(kData, 0, 7, "x")},
      {"an even stream",
       Preface() + Frame(kHeaders, kEndHeaders, 2, Hpack(GrpcCall(who)))},
      {"a table index that never was",
       Preface() + Frame(kHeaders, kEndHeaders, 1, "\xff\xff\xff\x0f")},
      {"a window that overflows",
       Preface() + Frame(kWindowUpdate, 0, 0, "\x7f\xff\xff\xff") +
           Frame(kWindowUpdate, 0, 0, "\x7f\xff\xff\xff")},
      {"an upper-case name",
       Preface() + Frame(kHeaders, kEndHeaders | kEndStream, 1,
                         Hpack(GrpcCall(who, {{"X-Upper", "x"}})))},
      {"a pseudo header that is none",
       Preface() + Frame(kHeaders, kEndHeaders | kEndStream, 1,
                         Hpack(GrpcCall(who, {{":user", "x"}})))},
      {"a line end in a value",
       Preface() + Call(who, {{"x", "a\r\nb: c"}}, "")},
      {"9 KiB of metadata",
       Preface() + Call(who, {{"x", std::string(9000, 'a')}}, "")},
  };
  std::string many;
  for (int i = 0; i < 200; ++i) absl::StrAppend(&many, "x-", i, ": 1\r\n");
  all.emplace_back("200 headers", http1(get, many));
  // Headers that never end.
  std::string endless = Preface() + Frame(kHeaders, 0, 1, Hpack(GrpcCall(who)));
  for (int i = 0; i < 200; ++i) {
    endless +=
        Frame(kContinuation, 0, 1, Hpack({{"x", std::string(1000, 'a')}}));
  }
  all.emplace_back("headers without end", endless);
  return all;
}

// What gRPC makes of its own headers and bodies: the gateway passes them on,
// and a service refuses them.
std::vector<std::pair<std::string, std::string>> BrokenCalls(
    const Headers& who) {
  return {
      {"metadata that is no base64",
       Preface() + Call(who, {{"x-bin", "!*!"}}, "")},
      {"a trace that is no base64",
       Preface() + Call(who, {{"grpc-trace-bin", "\x01\x02"}}, "")},
      {"a time-out that is none",
       Preface() + Call(who, {{"grpc-timeout", "soon"}}, std::string(5, '\0'))},
      {"an encoding that is none",
       Preface() + Call(who, {{"grpc-encoding", "nonsense"}},
                        std::string("\x01\0\0\0\x01x", 6))},
      {"a message of 4 GiB, announced",
       Preface() + Call(who, {}, std::string("\0\xff\xff\xff\xffx", 6))},
      {"half a message",
       Preface() + Call(who, {}, std::string("\0\0\0\0\x09x", 6))},
      {"a message that is no protobuf",
       Preface() + Call(who, {}, std::string("\0\0\0\0\x03\xff\xff\xff", 8))},
  };
}

// What asks little of the sender and much of the receiver.
std::vector<std::pair<std::string, std::string>> Floods(const Headers& who) {
  std::string resets = Preface();
  std::string settings = Preface();
  std::string pings = Preface();
  std::string empty =
      Preface() + Frame(kHeaders, kEndHeaders, 1, Hpack(GrpcCall(who)));
  std::string priorities = Preface();
  std::string windows = Preface();
  const std::string call = Hpack(GrpcCall(who));
  for (uint32_t i = 0; i < 2000; ++i) {
    const uint32_t stream = 2 * i + 1;
    resets += Frame(kHeaders, kEndHeaders, stream, call) +
              Frame(kReset, 0, stream, std::string("\0\0\0\x08", 4));
    settings += Frame(kSettings, 0, 0, std::string("\0\x04\0\0\xff\xff", 6));
    pings += Frame(kPing, 0, 0, "12345678");
    empty += Frame(kData, 0, 1, "");
    priorities += Frame(kPriority, 0, stream, std::string("\0\0\0\0\x01", 5));
    windows += Frame(kWindowUpdate, 0, 0, std::string("\0\0\0\x01", 4));
  }
  return {{"rapid resets", resets},   {"settings", settings},
          {"pings", pings},           {"empty frames", empty},
          {"priorities", priorities}, {"windows", windows}};
}

// A process that holds connections open and says nothing on them.
class IdleCrowd {
 public:
  // To be called while this process has one thread.
  IdleCrowd(int port, int connections) {
    int ready[2];
    if (pipe(ready) != 0) std::abort();
    child_ = fork();
    if (child_ == 0) {
      prctl(PR_SET_PDEATHSIG, SIGKILL);
      rlimit files{};
      getrlimit(RLIMIT_NOFILE, &files);
      files.rlim_cur = files.rlim_max;
      setrlimit(RLIMIT_NOFILE, &files);
      std::vector<std::unique_ptr<Raw>> all;
      for (int i = 0; i < connections; ++i) {
        all.push_back(std::make_unique<Raw>(port));
      }
      const char yes = all.back()->Send("") ? 'y' : 'n';
      if (write(ready[1], &yes, 1) != 1) _exit(1);
      while (true) pause();
    }
    close(ready[1]);
    char answer = 'n';
    ready_ = read(ready[0], &answer, 1) == 1 && answer == 'y';
    close(ready[0]);
  }
  ~IdleCrowd() {
    kill(child_, SIGKILL);
    waitpid(child_, nullptr, 0);
  }
  IdleCrowd(const IdleCrowd&) = delete;
  IdleCrowd& operator=(const IdleCrowd&) = delete;
  bool ready() const { return ready_; }

 private:
  pid_t child_ = 0;
  bool ready_ = false;
};

// Every process of the system, with its id: one that crashed is missing, or
// another.
std::string Processes(const System& system) {
  std::string all;
  for (const char* name : {"order", "cook", "delivery", "mypage", "gateway",
                           "reflection", "postgres", "nats", "provisioner"}) {
    absl::StrAppend(
        &all, name, " ",
        RunCommand(absl::StrCat("cat ", system.run_dir(), "/pids/", name))
            .output);
  }
  return all;
}

TEST(HostileClientsTest, OthersDoNotNotice) {
  System system;
  const int port = GatewayPort(system);
  const IdleCrowd crowd(port, 1000);
  ASSERT_TRUE(crowd.ready());
  system.SetStock(1, 1, 1'000'000);
  const std::string before = Processes(system);
  const std::string id = system.Place(1, 1, 1, 1);
  const Headers who = {system.As("customer", "1")};

  std::atomic<bool> stop = false;
  std::atomic<int> good = 0;
  std::atomic<int> bad = 0;
  std::atomic<int> attacks = 0;
  std::atomic<int> slow_bodies = 0;
  std::vector<std::thread> threads;
  const auto together = [&](std::function<void()> once) {
    threads.emplace_back([&stop, once = std::move(once)] {
      while (!stop) once();
    });
  };
  // Those who keep the rules: they order and they read.
  const auto judge = [&](const Answer& answer, const char* what) {
    ++(answer.status == 200 ? good : bad);
    if (answer.status != 200) {
      std::printf("%s: %d %s\n", what, answer.status, answer.text.c_str());
    }
  };
  for (int i = 0; i < 2; ++i) {
    together([&] {
      judge(system.Post("/orders",
                        R"({"customer_id":1,"restaurant_id":1,)"
                        R"("restaurant_menu_id":1,"qty":1})",
                        who),
            "order");
      for (int n = 0; n < 5; ++n)
        judge(system.Get("/orders/" + id, who), "read");
    });
  }
  // Those who do not.
  auto malformed = Malformed(who);
  for (auto& broken : BrokenCalls(who)) malformed.push_back(std::move(broken));
  together([&] {
    for (const auto& [name, bytes] : malformed) {
      if (Raw(port).Send(bytes)) ++attacks;
      absl::SleepFor(kBreath);
    }
  });
  const auto floods = Floods(who);
  together([&] {
    for (const auto& [name, bytes] : floods) {
      Raw raw(port);
      if (raw.Send(bytes)) ++attacks;
      raw.Read(kFloodEvery, [](const std::string&) { return false; });
    }
  });
  // Bodies that come a byte at a time, or never.
  together([&] {
    std::vector<std::unique_ptr<Raw>> slow;
    for (int i = 0; i < 100; ++i) {
      slow.push_back(std::make_unique<Raw>(port));
      if (slow.back()->Send(Http1("POST /orders HTTP/1.1",
                                  "content-type: application/json\r\n"
                                  "content-length: 60000\r\n"))) {
        ++slow_bodies;
      }
    }
    for (int i = 0; i < 20 && !stop; ++i) {
      for (const auto& raw : slow) raw->Send("{");
      absl::SleepFor(absl::Milliseconds(100));
    }
  });
  absl::SleepFor(kAttack);
  // A slow machine gets the time that it takes to try everything.
  Eventually(absl::Minutes(1), [&] { return attacks > 100; });
  stop = true;
  for (std::thread& thread : threads) thread.join();

  std::printf("%d attacks, %d slow bodies; %d good requests served, %d not\n",
              attacks.load(), slow_bodies.load(), good.load(), bad.load());
  EXPECT_GT(attacks, 100);
  EXPECT_GE(slow_bodies, 100);
  EXPECT_GT(good, 100);
  EXPECT_LE(bad * 1000, good) << "below 99.9 %";
  EXPECT_EQ(Processes(system), before);
  EXPECT_EQ(system.Script("status").exit_code, 0);
  // And all still do their work.
  const std::string last = system.Place(1, 1, 1, 1);
  EXPECT_EQ(system.WaitFor(last, "cook_status", "TICKET_STATUS_COOKING",
                           absl::Seconds(30)),
            "TICKET_STATUS_COOKING");
}

// An HTTP/1.1 answer with all of its body. (Envoy closes a second later.)
bool IsWhole(const std::string& answer) {
  const size_t head = answer.find("\r\n\r\n");
  const size_t length = answer.find("content-length: ");
  size_t size = 0;
  return head != std::string::npos && length < head &&
         absl::SimpleAtoi(answer.substr(length + 16, answer.find('\r', length) -
                                                         length - 16),
                          &size) &&
         answer.size() >= head + 4 + size;
}

// On a system whose clients may ask little.
class LimitsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    system_ = std::make_unique<System>(std::map<std::string, std::string>{
        {"GATEWAY_CLIENT_REQUESTS_PER_SECOND", "2"},
        {"GATEWAY_CLIENT_BURST", "10"}});
  }
  static void TearDownTestSuite() { system_.reset(); }
  static std::string Ask(const char* from, const std::string& request) {
    Raw raw(GatewayPort(*system_), from);
    raw.Send(request);
    return raw.Read(absl::Seconds(10), IsWhole);
  }
  // Refused for another reason when it is taken: there is no token.
  static std::string Harmless() {
    return Http1("GET /no-such-path HTTP/1.1", "connection: close\r\n");
  }
  static std::unique_ptr<System> system_;
};

std::unique_ptr<System> LimitsTest::system_;

TEST_F(LimitsTest, WhoAsksTooOftenIsToldWhenToComeBackAndOthersAreNot) {
  std::string refusal;
  for (int i = 0; i < 50 && refusal.empty(); ++i) {
    const std::string answer = Ask("127.0.0.2", Harmless());
    if (absl::StartsWith(answer, "HTTP/1.1 429")) refusal = answer;
  }
  EXPECT_THAT(refusal, ContainsRegex("retry-after: [123]\r\n"));
  EXPECT_THAT(refusal, HasSubstr("google.rpc.RetryInfo"));
  EXPECT_THAT(refusal, HasSubstr("RATE_LIMITED"));
  EXPECT_THAT(refusal, HasSubstr("application/json"));

  // Somebody else, at the same moment.
  EXPECT_THAT(Ask("127.0.0.3", Harmless()), StartsWith("HTTP/1.1 401"));

  EXPECT_TRUE(Eventually(absl::Seconds(20), [] {
    return absl::StartsWith(Ask("127.0.0.2", Harmless()), "HTTP/1.1 401");
  }));
}

TEST_F(LimitsTest, ToGrpcClientsItIsResourceExhausted) {
  const std::string address =
      absl::StrCat("127.0.0.1:", (*system_)["GATEWAY_PORT"]);
  // What the API is grpcurl reads from a file: asking for it could be what is
  // refused.
  Ran ran;
  EXPECT_TRUE(Eventually(absl::Seconds(30), [&] {
    ran = RunCommand(
        absl::StrCat(SOURCE_DIR "/.tools/bin/grpcurl -plaintext -max-time 5 "
                                "-protoset " BINARY_DIR "/restaurant.pb ",
                     address, " restaurant.order.v1.OrderService/GetOrder"));
    return absl::StrContains(ran.output, "ResourceExhausted");
  }));
  EXPECT_THAT(ran.output,
              AllOf(HasSubstr("RATE_LIMITED"), HasSubstr("retryDelay")));
}

// From here on each test comes from an address of its own.

TEST_F(LimitsTest, EveryMalformedRequestIsRefused) {
  int number = 0;
  for (const auto& [name, bytes] : Malformed({system_->As("customer", "1")})) {
    SCOPED_TRACE(name);
    const bool http2 = absl::StartsWith(bytes, "PRI ");
    Raw raw(GatewayPort(*system_), absl::StrCat("127.1.0.", ++number).c_str());
    raw.Send(bytes);
    const std::string answer =
        raw.Read(absl::Seconds(10), [&](const std::string& some) {
          return http2 ? !FramesIn(some).empty() : some.size() >= kStatusLine;
        });
    if (http2) {
      const std::vector<FrameHead> frames = FramesIn(answer);
      EXPECT_TRUE(raw.closed() || !frames.empty());
      // Even a refusal in headers would be an answer to what is no request.
      for (const FrameHead& frame : frames) {
        EXPECT_THAT(frame.type, AnyOf(kGoAway, kReset));
      }
    } else if (!answer.empty()) {
      // 501: chunks of another kind.
      EXPECT_THAT(answer,
                  AnyOf(StartsWith("HTTP/1.1 4"), StartsWith("HTTP/1.1 501")));
      EXPECT_THAT(answer, Not(AnyOf(StartsWith("HTTP/1.1 401"),
                                    StartsWith("HTTP/1.1 429"))));
    } else {
      EXPECT_TRUE(raw.closed());
    }
  }
}

TEST_F(LimitsTest, NoBrokenCallIsAnsweredWithAMessage) {
  int number = 0;
  for (const auto& [name, bytes] :
       BrokenCalls({system_->As("customer", "1")})) {
    SCOPED_TRACE(name);
    Raw raw(GatewayPort(*system_), absl::StrCat("127.5.0.", ++number).c_str());
    raw.Send(bytes);
    const std::string answer =
        raw.Read(absl::Seconds(20), [](const std::string& some) {
          const std::vector<FrameHead> frames = FramesIn(some);
          return std::any_of(frames.begin(), frames.end(), IsTheLast);
        });
    const std::vector<FrameHead> frames = FramesIn(answer);
    EXPECT_TRUE(raw.closed() ||
                std::any_of(frames.begin(), frames.end(), IsTheLast));
    for (const FrameHead& frame : frames) {
      EXPECT_FALSE(frame.type == kData && frame.size > 0);
    }
  }
}

TEST_F(LimitsTest, HeadersAboveTheLimitAre431) {
  const std::string answer = Ask(
      "127.2.0.1",
      Http1("GET /orders HTTP/1.1", "x: " + std::string(9000, 'a') + "\r\n"));
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 431"));
  EXPECT_THAT(answer, HasSubstr("HEADERS_TOO_LARGE"));
  EXPECT_THAT(
      Ask("127.2.0.1",
          Http1("GET /no-such-path HTTP/1.1",
                "connection: close\r\nx: " + std::string(7000, 'a') + "\r\n")),
      StartsWith("HTTP/1.1 401"));
}

// Headers that do not come are not waited for.
TEST_F(LimitsTest, WhoDoesNotFinishHisHeadersIsDisconnected) {
  Raw raw(GatewayPort(*system_), "127.3.0.1");
  raw.Send("GET /orders HTTP/1.1\r\nhost: x\r\n");
  raw.Read(absl::Seconds(30), [](const std::string&) { return false; });
  EXPECT_TRUE(raw.closed());
}

// A body that does not come whole within half a minute was not passed on.
TEST_F(LimitsTest, WhoDoesNotFinishHisBodyIsToldThatNothingWasDone) {
  const auto [name, token] = system_->As("customer", "1");
  Raw raw(GatewayPort(*system_), "127.3.0.2");
  raw.Send(Http1("POST /orders HTTP/1.1",
                 absl::StrCat(name, ": ", token,
                              "\r\ncontent-type: application/json\r\n"
                              "content-length: 100\r\n"),
                 "{"));

  const std::string answer = raw.Read(absl::Seconds(40), IsWhole);

  EXPECT_THAT(answer, StartsWith("HTTP/1.1 408"));
  EXPECT_THAT(answer, HasSubstr("REQUEST_TOO_SLOW"));
  EXPECT_THAT(answer, HasSubstr("Nothing was done"));
}

// Whatever is decided by path is decided on one spelling of it.
TEST_F(LimitsTest, PathsCannotBeDisguised) {
  int number = 0;
  const auto status = [&](const std::string& path) {
    const std::string answer =
        Ask(absl::StrCat("127.4.0.", ++number).c_str(),
            Http1(absl::StrCat("GET ", path, " HTTP/1.1"),
                  "connection: close\r\n"));
    return answer.substr(0, 12);
  };
  // Nobody without a token reads an order, however he spells it, least of all
  // by way of what is for everybody.
  for (const char* path :
       {"/orders/x", "//orders/x", "/orders//x", "///orders///x", "/./orders/x",
        "/cooks/../orders/x", "/%6frders/x", "/orders/%78", "/\\orders/x",
        "/assets/../orders/x", "/assets/%2e%2e/orders/x",
        "//assets/..//orders/x", "/kitchen/../orders/x", "/session/../orders/x",
        "/sign-in/..\\orders/x", "/grpc.health.v1.Health/../orders/x",
        "/grpc.reflection.x/%2E./orders/x"}) {
    EXPECT_EQ(status(path), "HTTP/1.1 401") << path;
  }
  for (const char* refused :
       {"/orders%2fx", "/%2forders/x", "/orders/%2e%2e%2fx", "/orders%5cx",
        "/orders/..%2Fcooks/x"}) {
    EXPECT_EQ(status(refused), "HTTP/1.1 400") << refused;
  }
  for (const char* nothing :
       {"/ORDERS/x", "/orders;x", "/ordersx", "/..;/orders"}) {
    EXPECT_NE(status(nothing), "HTTP/1.1 200") << nothing;
  }
}

}  // namespace
}  // namespace e2e
