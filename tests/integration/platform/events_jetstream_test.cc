// JetStream over a real nats-server: what callers may rely on.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cstdint>
#include <ctime>
#include <iterator>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "platform/events/jetstream.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using ::test_support::Eventually;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr absl::StatusCode kNotFound = absl::StatusCode::kNotFound;
constexpr absl::StatusCode kUnavailable = absl::StatusCode::kUnavailable;

// What nats-server logs of one whose password is wrong.
constexpr char kRefused[] = "authentication error";

OutMessage Said(std::string payload = "", std::string id = "") {
  OutMessage message;
  message.subject = "test.said";
  message.payload = std::move(payload);
  if (!id.empty()) message.headers.emplace_back("Nats-Msg-Id", std::move(id));
  return message;
}

// A broker with the stream TEST and on it the durable `worker`.
class JetStreamTest : public ::testing::Test {
 protected:
  JetStreamTest() : jetstream_(Connect()) {
    CreateStream();
    CreateDurable();
  }

  std::unique_ptr<JetStream> Connect() {
    auto connected = JetStream::Connect({.url = nats_.url(), .name = "test"});
    EXPECT_THAT(connected, IsOk());
    EXPECT_TRUE(Eventually(absl::Seconds(10),
                           [&] { return (*connected)->connected(); }));
    return *std::move(connected);
  }

  nlohmann::json Api(const std::string& method, const std::string& json = "") {
    const auto answer = jetstream_->Api(method, json, absl::Seconds(10));
    EXPECT_THAT(answer, IsOk()) << method;
    return nlohmann::json::parse(answer.value_or("{}"));
  }

  void CreateStream() {
    Api("STREAM.CREATE.TEST", R"({"name":"TEST","subjects":["test.>"],
        "storage":"file","max_msg_size":1024,
        "duplicate_window":120000000000})");
  }

  void CreateDurable() {
    Api("CONSUMER.DURABLE.CREATE.TEST.worker", R"({"stream_name":"TEST",
        "config":{"durable_name":"worker","ack_policy":"explicit",
                  "ack_wait":30000000000,"max_ack_pending":2000}})");
  }

  void DeleteDurable() { Api("CONSUMER.DELETE.TEST.worker"); }

  std::unique_ptr<JetStream::Pull> Pull() {
    auto pull = jetstream_->PullFrom("TEST", "worker");
    EXPECT_THAT(pull, IsOk());
    return *std::move(pull);
  }

  // Publishes `payloads`; all are acknowledged.
  void Publish(const std::vector<std::string>& payloads) {
    std::vector<OutMessage> messages;
    for (const std::string& payload : payloads) {
      messages.push_back(Said(payload));
    }
    for (const auto& ack : jetstream_->PublishAll(messages, absl::Seconds(10)))
      EXPECT_THAT(ack, IsOk());
  }

  // The payloads of what is taken until there are `count`, and acks them.
  std::vector<std::string> Take(JetStream::Pull& pull, size_t count) {
    std::vector<std::string> taken;
    const absl::Time end = absl::Now() + absl::Seconds(20);
    while (taken.size() < count && absl::Now() < end) {
      auto hand = pull.Next(128, absl::Milliseconds(500));
      if (!hand.ok()) continue;
      for (const InMessage& message : *hand) {
        taken.push_back(message.payload);
        EXPECT_THAT(jetstream_->Send(message.reply, "+ACK"), IsOk());
      }
    }
    return taken;
  }

  // Publishes once the broker takes it again.
  void PublishWhenBack(const std::string& payload) {
    EXPECT_TRUE(Eventually(absl::Seconds(20), [&] {
      return jetstream_->PublishAll({Said(payload)}, absl::Seconds(2))[0].ok();
    }));
  }

  test_support::NatsServer nats_;
  std::unique_ptr<JetStream> jetstream_;
};

TEST_F(JetStreamTest, AcknowledgesEachInOrder) {
  std::vector<OutMessage> messages(1000, Said());
  const auto acks = jetstream_->PublishAll(messages, absl::Seconds(10));
  ASSERT_THAT(acks, SizeIs(1000));
  for (size_t i = 0; i < acks.size(); ++i) {
    ASSERT_THAT(acks[i], IsOk());
    EXPECT_EQ(acks[i]->stream, "TEST");
    EXPECT_EQ(acks[i]->sequence, i + 1);
    EXPECT_FALSE(acks[i]->duplicate);
  }
}

TEST_F(JetStreamTest, SaysWhenAMessageIdWasKnown) {
  const OutMessage message = Said("", "one");
  const auto first = jetstream_->PublishAll({message}, absl::Seconds(10));
  const auto again = jetstream_->PublishAll({message}, absl::Seconds(10));
  ASSERT_THAT(first[0], IsOk());
  ASSERT_THAT(again[0], IsOk());
  EXPECT_FALSE(first[0]->duplicate);
  EXPECT_TRUE(again[0]->duplicate);
  EXPECT_EQ(again[0]->sequence, first[0]->sequence);
}

TEST_F(JetStreamTest, ARefusalIsThatMessagesAlone) {
  OutMessage nobody_takes_this = Said();
  nobody_takes_this.subject = "nobody.takes.this";
  const auto acks = jetstream_->PublishAll(
      {Said(), nobody_takes_this, Said(std::string(2000, 'x')), Said()},
      absl::Seconds(10));
  ASSERT_THAT(acks, SizeIs(4));
  EXPECT_THAT(acks[0], IsOk());
  EXPECT_THAT(acks[1], Fails(kUnavailable));
  EXPECT_THAT(acks[2], Fails(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(acks[3], IsOk());
}

// Bigger than the server takes at all (1 MiB unless configured).
TEST_F(JetStreamTest, WhatIsTooBigForTheServerIsThatMessagesAlone) {
  const auto acks = jetstream_->PublishAll(
      {Said(), Said(std::string(2 << 20, 'x')), Said()}, absl::Seconds(10));
  EXPECT_THAT(
      acks,
      ElementsAre(IsOk(), Fails(absl::StatusCode::kInvalidArgument), IsOk()));
}

TEST_F(JetStreamTest, ThreadsGetTheirOwnAcks) {
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      for (int round = 0; round < 20; ++round) {
        std::vector<OutMessage> messages;
        for (int i = 0; i < 10; ++i) {
          messages.push_back(Said("", absl::StrCat(t, "-", round, "-", i)));
        }
        uint64_t last = 0;
        for (const auto& ack :
             jetstream_->PublishAll(messages, absl::Seconds(10))) {
          ASSERT_THAT(ack, IsOk());
          EXPECT_FALSE(ack->duplicate);
          EXPECT_GT(ack->sequence, last);
          last = ack->sequence;
        }
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Api("STREAM.INFO.TEST")["state"]["messages"], 800);
}

TEST_F(JetStreamTest, WhileTheBrokerIsAwayCallsFailAtOnceAndLaterWork) {
  nats_.Kill();
  EXPECT_TRUE(
      Eventually(absl::Seconds(10), [&] { return !jetstream_->connected(); }));
  const absl::Time start = absl::Now();
  EXPECT_THAT(jetstream_->PublishAll({Said()}, absl::Seconds(30)),
              ElementsAre(Fails(kUnavailable)));
  EXPECT_THAT(jetstream_->Api("STREAM.INFO.TEST", "", absl::Seconds(30)),
              Fails(kUnavailable));
  EXPECT_FALSE(jetstream_->Flush(absl::Seconds(30)));
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));

  nats_.Start();
  PublishWhenBack("back");
}

TEST_F(JetStreamTest, ABrokerThatDiesUnderAPublishLeavesItUnacknowledged) {
  nats_.Freeze();
  const absl::Time start = absl::Now();
  const auto acks = jetstream_->PublishAll({Said()}, absl::Milliseconds(500));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  nats_.Thaw();
  EXPECT_THAT(acks, ElementsAre(Fails(kUnavailable)));
  // The answer to that one comes late, and is not taken for another's.
  const auto next = jetstream_->PublishAll({Said("next")}, absl::Seconds(10));
  ASSERT_THAT(next, ElementsAre(IsOk()));
  EXPECT_EQ(next[0]->sequence, 2U);
}

// More than the sockets hold.
TEST_F(JetStreamTest, ABrokerThatHangsHoldsNobodyForLong) {
  const std::vector<OutMessage> many(500, Said(std::string(64 << 10, 'x')));
  nats_.Freeze();
  const absl::Time start = absl::Now();
  EXPECT_THAT(jetstream_->PublishAll(many, absl::Seconds(1)),
              Each(Fails(kUnavailable)));
  EXPECT_TRUE(
      Eventually(absl::Seconds(10), [&] { return !jetstream_->connected(); }));
  EXPECT_LT(absl::Now() - start, absl::Seconds(20));
  nats_.Thaw();
  PublishWhenBack("back");
}

TEST(JetStreamConnectTest, TheBrokerMayComeLater) {
  test_support::NatsServer nats;
  nats.Stop();
  ::testing::internal::CaptureStderr();
  auto jetstream = JetStream::Connect({.url = nats.url(), .name = "test"});
  EXPECT_THAT(::testing::internal::GetCapturedStderr(),
              HasSubstr("the broker is away or refuses"));
  ASSERT_THAT(jetstream, IsOk());
  EXPECT_FALSE((*jetstream)->connected());
  EXPECT_THAT((*jetstream)->Api("INFO", "", absl::Seconds(30)),
              Fails(kUnavailable));
  nats.Start();
  EXPECT_TRUE(
      Eventually(absl::Seconds(10), [&] { return (*jetstream)->connected(); }));
  EXPECT_THAT((*jetstream)->Api("INFO", "", absl::Seconds(10)), IsOk());
}

TEST(JetStreamConnectTest, AnUnreadableUrlIsRefused) {
  EXPECT_THAT(JetStream::Connect({.url = "nats://host:port", .name = "test"}),
              Fails(absl::StatusCode::kInvalidArgument));
}

// A user whom the broker lets hear nothing but its own inboxes can do all that
// there is to do.
TEST(JetStreamConnectTest, AUserNeedsNoInboxesButItsOwn) {
  const test_support::NatsServer nats({.config = R"(
      authorization { users: [
        {user: worker, password: "a b'c", permissions: {
          publish: ["test.>", "$JS.API.>", "$JS.ACK.TEST.worker.>"],
          subscribe: ["_INBOX_worker.>"]}}]})"});
  const auto jetstream = JetStream::Connect({.url = nats.url(),
                                             .name = "test",
                                             .user = "worker",
                                             .password = "a b'c"});
  ASSERT_THAT(jetstream, IsOk());
  EXPECT_TRUE(
      Eventually(absl::Seconds(10), [&] { return (*jetstream)->connected(); }));

  EXPECT_THAT(
      (*jetstream)
          ->Api("STREAM.CREATE.TEST",
                R"({"name":"TEST","subjects":["test.>"]})", absl::Seconds(10)),
      IsOk());
  EXPECT_THAT((*jetstream)
                  ->Api("CONSUMER.DURABLE.CREATE.TEST.worker",
                        R"({"stream_name":"TEST","config":{
                            "durable_name":"worker","ack_policy":"explicit"}})",
                        absl::Seconds(10)),
              IsOk());
  EXPECT_THAT((*jetstream)->PublishAll({Said("hello")}, absl::Seconds(10)),
              ElementsAre(IsOk()));
  const auto pull = (*jetstream)->PullFrom("TEST", "worker");
  ASSERT_THAT(pull, IsOk());
  const auto hand = (*pull)->Next(10, absl::Seconds(10));
  ASSERT_THAT(hand, IsOk());
  EXPECT_THAT(*hand, SizeIs(1));
}

// The C library gives up for good when the broker has refused the user twice,
// which ended the process, and the next one, for as long as it did.
TEST(JetStreamConnectTest, ABrokerThatRefusesTheUserMayTakeItLater) {
  const auto only_with = [](absl::string_view password) {
    return absl::StrCat(
        "authorization { users: [{user: worker, password: ", password, "}]}");
  };
  test_support::NatsServer nats({.config = only_with("ours")});
  const auto jetstream = JetStream::Connect({.url = nats.url(),
                                             .name = "test",
                                             .user = "worker",
                                             .password = "ours"});
  ASSERT_THAT(jetstream, IsOk());
  ASSERT_TRUE(
      Eventually(absl::Seconds(10), [&] { return (*jetstream)->connected(); }));
  for (const auto& [method, json] :
       {std::pair("STREAM.CREATE.TEST",
                  R"({"name":"TEST","subjects":["test.>"]})"),
        std::pair("CONSUMER.DURABLE.CREATE.TEST.worker",
                  R"({"stream_name":"TEST","config":{
                      "durable_name":"worker","ack_policy":"explicit"}})")}) {
    ASSERT_THAT((*jetstream)->Api(method, json, absl::Seconds(10)), IsOk());
  }
  const auto pull = (*jetstream)->PullFrom("TEST", "worker");
  ASSERT_THAT(pull, IsOk());
  ASSERT_THAT((*jetstream)->PublishAll({Said("before")}, absl::Seconds(10)),
              ElementsAre(IsOk()));

  nats.Stop();
  nats.Configure(only_with("another"));
  nats.Start();
  // Twice by one connection, then by another in its place.
  int refused = 0;
  EXPECT_TRUE(Eventually(
      absl::Seconds(30),
      [&] {
        EXPECT_THAT((*jetstream)->PublishAll({Said()}, absl::Seconds(1)),
                    ElementsAre(Fails(kUnavailable)));
        EXPECT_THAT((*pull)->Next(1, absl::Milliseconds(1)),
                    Fails(kUnavailable));
        const std::string log = nats.Log();
        refused = 0;
        for (size_t at = log.find(kRefused); at != std::string::npos;
             at = log.find(kRefused, at + 1)) {
          ++refused;
        }
        return refused > 3;
      }))
      << "refused " << refused << " times:\n"
      << nats.Log();

  nats.Stop();
  nats.Configure(only_with("ours"));
  nats.Start();
  EXPECT_TRUE(Eventually(absl::Seconds(20), [&] {
    return (*jetstream)->PublishAll({Said("after")}, absl::Seconds(2))[0].ok();
  }));
  std::vector<std::string> taken;
  EXPECT_TRUE(Eventually(absl::Seconds(20), [&] {
    const auto hand = (*pull)->Next(10, absl::Milliseconds(500));
    if (!hand.ok()) return false;
    for (const InMessage& message : *hand) taken.push_back(message.payload);
    return taken.size() >= 2;
  }));
  EXPECT_THAT(taken, ElementsAre("before", "after"));
}

TEST_F(JetStreamTest, ApiErrorsAreStatuses) {
  EXPECT_THAT(jetstream_->Api("STREAM.INFO.NONE", "", absl::Seconds(10)),
              Fails(kNotFound));
  EXPECT_THAT(
      jetstream_->Api("STREAM.CREATE.TEST", "{broken", absl::Seconds(10)),
      Fails(absl::StatusCode::kInvalidArgument));
}

TEST_F(JetStreamTest, PullsWhatWasPublished) {
  auto pull = Pull();
  OutMessage said = Said(std::string("\0\xff body", 7));
  said.headers = {{"ce-id", "42"}, {"Other", "\xff: \x01"}};
  jetstream_->PublishAll({said, Said(), Said(), Said()}, absl::Seconds(10));
  std::vector<InMessage> got;
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    auto hand = pull->Next(2, absl::Seconds(1));
    if (!hand.ok()) return false;
    std::move(hand->begin(), hand->end(), std::back_inserter(got));
    return got.size() >= 4;
  }));
  ASSERT_THAT(got, SizeIs(4));
  EXPECT_EQ(got[0].subject, "test.said");
  EXPECT_EQ(got[0].payload, said.payload);
  EXPECT_EQ(got[0].Header("CE-ID"), "42");
  EXPECT_EQ(got[0].Header("Other"), "\xff: \x01");
  EXPECT_EQ(got[0].Header("absent"), "");
  EXPECT_EQ(got[0].stream_sequence, 1U);
  EXPECT_EQ(got[0].delivered, 1U);
  EXPECT_EQ(got[1].stream_sequence, 2U);
  // The broker counts a moment late: it may not know of all at the first.
  EXPECT_LE(got[0].pending, 3U);
  EXPECT_EQ(got[2].pending, 1U);
  EXPECT_EQ(got[3].pending, 0U);
}

// NATS.c reads none of the headers if the value of one is empty. The message
// must come all the same: it is for its reader to refuse it.
TEST_F(JetStreamTest, HeadersThatCannotBeReadAreNone) {
  auto pull = Pull();
  OutMessage said = Said("body");
  said.headers = {{"ce-id", "42"}, {"Empty", ""}};
  jetstream_->PublishAll({said}, absl::Seconds(10));
  EXPECT_THAT(Take(*pull, 1), ElementsAre("body"));
}

TEST_F(JetStreamTest, TakesNoMoreThanAsked) {
  auto pull = Pull();
  Publish({"1", "2", "3", "4", "5"});
  auto hand = pull->Next(3, absl::Seconds(10));
  ASSERT_THAT(hand, IsOk());
  EXPECT_LE(hand->size(), 3U);
  EXPECT_EQ(Api("CONSUMER.INFO.TEST.worker")["num_ack_pending"], 3);
}

// A pull that waits is answered by the message, not by the end of its wait.
TEST_F(JetStreamTest, AMessageEndsTheWait) {
  auto pull = Pull();
  ASSERT_THAT(pull->Next(10, absl::Milliseconds(100)), IsOk());
  std::thread publisher([this] {
    absl::SleepFor(absl::Milliseconds(200));
    Publish({"now"});
  });
  const absl::Time start = absl::Now();
  const auto hand = pull->Next(10, absl::Seconds(30));
  const absl::Duration took = absl::Now() - start;
  publisher.join();
  ASSERT_THAT(hand, IsOk());
  EXPECT_THAT(*hand, SizeIs(1));
  EXPECT_LT(took, absl::Seconds(10));
}

TEST_F(JetStreamTest, NothingCostsNothing) {
  auto pull = Pull();
  const std::clock_t before = std::clock();
  for (int i = 0; i < 10; ++i) {
    const auto hand = pull->Next(10, absl::Milliseconds(200));
    ASSERT_THAT(hand, IsOk());
    EXPECT_THAT(*hand, IsEmpty());
  }
  const double seconds =
      static_cast<double>(std::clock() - before) / CLOCKS_PER_SEC;
  EXPECT_LT(seconds, 0.5) << "of processor time in 2 s: a busy loop";
}

// The server ends a request after five seconds; the pull asks again.
TEST_F(JetStreamTest, OutlivesItsRequests) {
  auto pull = Pull();
  const auto none = pull->Next(10, absl::Milliseconds(6500));
  ASSERT_THAT(none, IsOk());
  EXPECT_THAT(*none, IsEmpty());
  Publish({"late"});
  EXPECT_THAT(Take(*pull, 1), ElementsAre("late"));
}

TEST_F(JetStreamTest, WhatIsGivenBackComesAgain) {
  auto pull = Pull();
  Publish({"again"});
  auto hand = pull->Next(10, absl::Seconds(10));
  ASSERT_THAT(hand, IsOk());
  ASSERT_THAT(*hand, SizeIs(1));
  ASSERT_THAT(
      jetstream_->Send(hand->front().reply, R"(-NAK {"delay": 50000000})"),
      IsOk());
  hand = pull->Next(10, absl::Seconds(10));
  ASSERT_THAT(hand, IsOk());
  ASSERT_THAT(*hand, SizeIs(1));
  EXPECT_EQ(hand->front().payload, "again");
  EXPECT_EQ(hand->front().delivered, 2U);
  ASSERT_THAT(jetstream_->Send(hand->front().reply, "+TERM"), IsOk());
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return Api("CONSUMER.INFO.TEST.worker")["num_ack_pending"] == 0;
  }));
}

TEST_F(JetStreamTest, AConsumerThatDoesNotExistIsNotFoundUntilItDoes) {
  DeleteDurable();
  auto pull = Pull();
  EXPECT_THAT(pull->Next(10, absl::Seconds(10)), Fails(kNotFound));
  CreateDurable();
  Publish({"there"});
  EXPECT_THAT(Take(*pull, 1), ElementsAre("there"));
}

TEST_F(JetStreamTest, AConsumerDeletedUnderAWaitingPullIsNotFound) {
  auto pull = Pull();
  ASSERT_THAT(pull->Next(10, absl::Milliseconds(100)), IsOk());
  DeleteDurable();
  EXPECT_THAT(pull->Next(10, absl::Seconds(10)), Fails(kNotFound));
  CreateDurable();
  Publish({"anew"});
  EXPECT_THAT(Take(*pull, 1), ElementsAre("anew"));
}

// The request that waited at the server died with it.
TEST_F(JetStreamTest, AsksAgainWhenTheBrokerIsBack) {
  auto pull = Pull();
  ASSERT_THAT(pull->Next(10, absl::Milliseconds(100)), IsOk());
  nats_.Kill();
  nats_.Start();
  PublishWhenBack("back");
  const absl::Time start = absl::Now();
  EXPECT_THAT(Take(*pull, 1), ElementsAre("back"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(3))
      << "it waited for the end of the request that was lost";
}

TEST_F(JetStreamTest, CancelReturnsWhatHadArrived) {
  auto pull = Pull();
  Publish({"1"});
  ASSERT_THAT(pull->Next(5, absl::Seconds(10)), IsOk());
  // The request has room for four more: these are on their way already.
  Publish({"2", "3"});
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return Api("CONSUMER.INFO.TEST.worker")["num_ack_pending"] == 3;
  }));
  std::vector<std::string> left;
  for (const InMessage& message : pull->Cancel()) {
    left.push_back(message.payload);
  }
  EXPECT_THAT(left, ElementsAre("2", "3"));
  // Nothing is taken after the end.
  Publish({"4"});
  auto other = Pull();
  EXPECT_THAT(Take(*other, 1), ElementsAre("4"));
}

// The C library could work on a subscription's freed memory: it was destroyed
// while its messages were being read from the socket.
TEST_F(JetStreamTest, APullMayGoWhileMessagesComeIn) {
  Publish(std::vector<std::string>(2000, "said"));

  for (int i = 0; i < 100; ++i) {
    Api("CONSUMER.CREATE.TEST.all", R"({"stream_name":"TEST",
        "config":{"name":"all","ack_policy":"none","mem_storage":true}})");
    auto pull = jetstream_->PullFrom("TEST", "all");
    ASSERT_THAT(pull, IsOk());
    ASSERT_THAT((*pull)->Next(2000, absl::Seconds(10)), IsOk());
    pull->reset();
    Api("CONSUMER.DELETE.TEST.all");
  }
}

// Takes connections and closes them at once, as a sidecar does whose broker is
// away.
class Closer {
 public:
  explicit Closer(int port) : listener_(socket(AF_INET, SOCK_STREAM, 0)) {
    const int on = 1;
    setsockopt(listener_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    address.sin_port = htons(static_cast<uint16_t>(port));
    EXPECT_EQ(
        bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address)),
        0);
    EXPECT_EQ(listen(listener_, 16), 0);
    thread_ = std::thread([this] {
      for (;;) {
        const int taken = accept(listener_, nullptr, nullptr);
        if (taken < 0) return;
        closed_.fetch_add(1);
        close(taken);
      }
    });
  }
  ~Closer() {
    shutdown(listener_, SHUT_RDWR);
    thread_.join();
    close(listener_);
  }
  int closed() const { return closed_.load(); }

 private:
  const int listener_;
  std::atomic<int> closed_ = 0;
  std::thread thread_;
};

// In a mesh a client that came up before the broker gave up for good: the
// sidecar took its first connection, and closed it.
TEST(JetStreamBehindAProxyTest, ABrokerThatComesLaterIsFound) {
  test_support::NatsServer nats;
  const int port = std::stoi(nats.url().substr(nats.url().rfind(':') + 1));
  nats.Stop();
  auto closer = std::make_unique<Closer>(port);

  const auto jetstream =
      JetStream::Connect({.url = nats.url(), .name = "early"});
  ASSERT_THAT(jetstream, IsOk());
  ASSERT_TRUE(
      Eventually(absl::Seconds(20), [&] { return closer->closed() >= 3; }));
  EXPECT_FALSE((*jetstream)->connected());
  closer.reset();
  nats.Start();

  EXPECT_TRUE(
      Eventually(absl::Seconds(20), [&] { return (*jetstream)->connected(); }));
}

}  // namespace
}  // namespace platform::events
