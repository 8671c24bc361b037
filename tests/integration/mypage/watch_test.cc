// Watching, over gRPC, with events applied by nobody in particular: what is
// committed reaches whoever watches, in whichever replica.

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "grpcpp/generic/generic_stub.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "mypage/adapters/access.h"
#include "mypage/adapters/change_listener.h"
#include "mypage/adapters/mypage_service.h"
#include "mypage/adapters/watch_hub.h"
#include "mypage/migrations/migrations.h"
#include "platform/auth/jwt.h"
#include "platform/failpoint/failpoint.h"
#include "platform/grpc/server.h"
#include "platform/grpc/status.h"
#include "platform/metrics/metrics.h"
#include "platform/status/error.h"
#include "tests/integration/mypage/lives.h"
#include "tests/support/eventually.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tokens.h"

namespace mypage {
namespace {

using ::platform::events::Message;
using ::test_support::Eventually;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

// No test waits for the fallback; those that test silence are slow to beat.
constexpr WatchOptions kOptions = {.limit = 100,
                                   .heartbeat = absl::Seconds(30),
                                   .max_age = absl::Hours(1),
                                   .breath = absl::Milliseconds(10),
                                   .messages_per_second = 10'000,
                                   .refresh = absl::InfiniteDuration()};

// What a replica of mypage has for its watchers.
class Replica {
 public:
  explicit Replica(const std::string& dsn, WatchOptions options = kOptions,
                   std::unique_ptr<platform::auth::Verifier> verifier = nullptr)
      : access_(AccessRules(), std::move(verifier)),
        pool_({.name = "replica",
               .dsn = dsn,
               .connections = 4,
               .acquire_timeout = absl::Seconds(5),
               .prepare = Prepare}),
        hub_(executor_, pool_, options),
        listener_(dsn, hub_) {
    auto server = platform::rpc::Server::Start(
        {.listen = "127.0.0.1:0"}, std::vector<grpc::Service*>{&service_});
    EXPECT_THAT(server, IsOk());
    server_ = *std::move(server);
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    // What a client does not read is not read for it in advance.
    arguments.SetInt(GRPC_ARG_HTTP2_BDP_PROBE, 0);
    channel_ = grpc::CreateCustomChannel(
        absl::StrCat("127.0.0.1:", server_->port()),
        grpc::InsecureChannelCredentials(), arguments);
  }

  WatchHub& hub() { return hub_; }
  std::shared_ptr<grpc::Channel> channel() const { return channel_; }

 private:
  const platform::auth::Access access_;
  platform::pg::Pool pool_;
  platform::Executor executor_{
      {.name = "replica", .threads = 4, .queue_limit = 256}};
  WatchHub hub_;
  ChangeListener listener_;
  MypageServiceImpl service_{access_, executor_, pool_, hub_};
  std::unique_ptr<platform::rpc::Server> server_;
  std::shared_ptr<grpc::Channel> channel_;
};

// A client of one watching call, which ends by itself after half a minute.
template <typename ResponseT>
class Client {
 public:
  template <typename RequestT, typename StartT>
  Client(const Replica& replica, const RequestT& request, StartT start,
         const std::string& token)
      : stub_(v1::MypageService::NewStub(replica.channel())) {
    if (!token.empty()) {
      context_.AddMetadata("authorization", "Bearer " + token);
    }
    context_.set_deadline(std::chrono::system_clock::now() +
                          std::chrono::seconds(30));
    reader_ = (stub_.get()->*start)(&context_, request);
  }
  ~Client() {
    if (ended_) return;
    context_.TryCancel();
    Status().IgnoreError();
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The next message; an empty one at the end.
  ResponseT Next() {
    ResponseT response;
    if (!reader_->Read(&response)) response.Clear();
    return response;
  }
  // After the last message.
  absl::Status Status() {
    ResponseT ignored;
    while (reader_->Read(&ignored)) {
    }
    ended_ = true;
    return platform::rpc::FromGrpcStatus(reader_->Finish());
  }

 private:
  std::unique_ptr<v1::MypageService::Stub> stub_;
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReader<ResponseT>> reader_;
  bool ended_ = false;
};

class OneWatch : public Client<v1::WatchMypageResponse> {
 public:
  OneWatch(const Replica& replica, const std::string& order_id,
           int after_version = 0, const std::string& token = "")
      : Client(replica, Request(order_id, after_version),
               &v1::MypageService::Stub::WatchMypage, token) {}

  // The version of the view in the next message, or 0.
  int NextVersion() { return Next().mypage().version(); }

 private:
  static v1::WatchMypageRequest Request(const std::string& order_id,
                                        int after_version) {
    v1::WatchMypageRequest request;
    request.set_order_id(order_id);
    request.set_after_version(after_version);
    return request;
  }
};

class ListWatch : public Client<v1::WatchMypagesResponse> {
 public:
  explicit ListWatch(const Replica& replica, const std::string& resume = "",
                     int page_size = 0, int customer_id = 7,
                     const std::string& token = "")
      : Client(replica, Request(resume, page_size, customer_id),
               &v1::MypageService::Stub::WatchMypages, token) {}

 private:
  static v1::WatchMypagesRequest Request(const std::string& resume,
                                         int page_size, int customer_id) {
    v1::WatchMypagesRequest request;
    request.set_customer_id(customer_id);
    request.set_page_size(page_size);
    request.set_resume_token(resume);
    return request;
  }
};

// "n@version" of each, where n is the number of OrderId(n).
std::vector<std::string> Told(const v1::WatchMypagesResponse& response) {
  std::vector<std::string> told;
  for (const v1::Mypage& mypage : response.changes().mypages()) {
    told.push_back(absl::StrCat(std::stoi(mypage.order_id().substr(24)), "@",
                                mypage.version()));
  }
  return told;
}

// Waits until changes are heard of.
void AwaitListening() {
  EXPECT_TRUE(Eventually(absl::Seconds(20), [] {
    return platform::metrics::Gauge("watch_listening",
                                    "1 while changes of views are heard of.")
               .Value() == 1;
  }));
}

double Reads() {
  return platform::metrics::Counter("watch_reads_total",
                                    "Reads for those who watch.",
                                    {{"code", "OK"}})
      .Value();
}

class WatchTest : public testing::Test {
 protected:
  // One event of a life, in a transaction of its own.
  void ApplyOne(const Message& message) {
    ASSERT_THAT(Apply(pool_, {message}), IsOk());
  }

  const test_support::TestDatabase db_{Migrations()};
  // Of somebody who applies, and has no watchers.
  platform::pg::Pool pool_{{.name = "test",
                            .dsn = db_.dsn(),
                            .connections = 4,
                            .acquire_timeout = absl::Seconds(5),
                            .prepare = Prepare}};
};

TEST_F(WatchTest, AnOrderIsShownAtOnceAndAfterEveryChange) {
  Replica replica(db_.dsn());
  const std::vector<Message> life = Life(OrderId(1), 3);
  ApplyOne(life[0]);

  OneWatch watch(replica, OrderId(1));

  EXPECT_EQ(watch.NextVersion(), 1);
  for (size_t i = 1; i < life.size(); ++i) {
    ApplyOne(life[i]);
    EXPECT_EQ(watch.NextVersion(), static_cast<int>(i + 1));
  }
}

TEST_F(WatchTest, AListIsShownAtOnceAndThenWhatChangesInIt) {
  Replica replica(db_.dsn());
  ASSERT_THAT(Apply(pool_, Lives(0, 2)), IsOk());

  ListWatch watch(replica, "", /*page_size=*/3);

  const v1::WatchMypagesResponse first = watch.Next();
  EXPECT_TRUE(first.changes().complete());
  EXPECT_THAT(Told(first), ElementsAre("1@3", "0@6"));
  ApplyOne(Life(OrderId(2), 0)[0]);
  const v1::WatchMypagesResponse second = watch.Next();
  EXPECT_FALSE(second.changes().complete());
  EXPECT_THAT(Told(second), ElementsAre("2@1"));
  // Somebody else's.
  ApplyOne(Life(OrderId(3), 0, /*customer_id=*/8)[0]);
  ApplyOne(Life(OrderId(2), 0)[1]);
  EXPECT_THAT(Told(watch.Next()), ElementsAre("2@2"));
  // Two more push two out.
  ASSERT_THAT(Apply(pool_, {Life(OrderId(4), 0)[0], Life(OrderId(5), 0)[0]}),
              IsOk());
  EXPECT_THAT(Told(watch.Next()), ElementsAre("5@1", "4@1"));
}

TEST_F(WatchTest, WhoHasNoOrdersWatchesAnEmptyList) {
  Replica replica(db_.dsn());

  ListWatch watch(replica);

  const v1::WatchMypagesResponse first = watch.Next();
  EXPECT_TRUE(first.changes().complete());
  EXPECT_THAT(Told(first), IsEmpty());
  ApplyOne(Life(OrderId(1), 0)[0]);
  EXPECT_THAT(Told(watch.Next()), ElementsAre("1@1"));
  // And resumes one.
  ListWatch resumed(replica, first.changes().resume_token());
  EXPECT_THAT(Told(resumed.Next()), ElementsAre("1@1"));
}

TEST_F(WatchTest, EveryReplicaHears) {
  Replica one(db_.dsn());
  Replica other(db_.dsn());
  ListWatch here(one);
  ListWatch there(other);
  EXPECT_TRUE(here.Next().changes().complete());
  EXPECT_TRUE(there.Next().changes().complete());

  ApplyOne(Life(OrderId(1), 0)[0]);

  EXPECT_THAT(Told(here.Next()), ElementsAre("1@1"));
  EXPECT_THAT(Told(there.Next()), ElementsAre("1@1"));
}

TEST_F(WatchTest, ManyWatchersShareOneRead) {
  Replica replica(db_.dsn());
  AwaitListening();
  ApplyOne(Life(OrderId(1), 0)[0]);
  std::vector<std::unique_ptr<ListWatch>> watches;
  for (int i = 0; i < 40; ++i) {
    watches.push_back(std::make_unique<ListWatch>(replica));
    EXPECT_TRUE(watches.back()->Next().changes().complete());
  }
  const double before = Reads();

  ApplyOne(Life(OrderId(1), 0)[1]);

  for (const auto& watch : watches) {
    EXPECT_THAT(Told(watch->Next()), ElementsAre("1@2"));
  }
  EXPECT_EQ(Reads() - before, 1);
}

TEST_F(WatchTest, WhoComesDuringAReadWaitsForTheNext) {
  Replica replica(db_.dsn());
  AwaitListening();
  const std::vector<Message> life = Life(OrderId(1), 0);
  ApplyOne(life[0]);
  // Has read, and tells nobody yet.
  const absl::Cleanup disarm = [] { platform::failpoint::DisarmAll(); };
  ASSERT_THAT(
      platform::failpoint::Arm("mypage.after_watch_read=delay(1s)@times:1"),
      IsOk());
  OneWatch early(replica, OrderId(1));
  ASSERT_TRUE(Eventually(absl::Seconds(20), [] {
    return absl::StrContains(
        platform::failpoint::List(),
        "mypage.after_watch_read\tdelay(1s)@times:1\t1\t1\n");
  }));

  ApplyOne(life[1]);
  OneWatch late(replica, OrderId(1));

  // Not the state before what its caller may have seen.
  EXPECT_EQ(late.NextVersion(), 2);
  EXPECT_EQ(early.NextVersion(), 1);
  EXPECT_EQ(early.NextVersion(), 2);
}

TEST_F(WatchTest, AResumedWatchTellsOnlyWhatIsNew) {
  Replica replica(db_.dsn());
  const std::vector<Message> life = Life(OrderId(1), 0);
  ASSERT_THAT(Apply(pool_, {life[0], Life(OrderId(2), 0)[0]}), IsOk());
  std::string token;
  {
    ListWatch watch(replica);
    token = watch.Next().changes().resume_token();
  }

  {
    ListWatch watch(replica, token);
    EXPECT_TRUE(watch.Next().has_heartbeat());
    OneWatch one(replica, OrderId(1), /*after_version=*/1);
    EXPECT_TRUE(one.Next().has_heartbeat());
  }
  ApplyOne(life[1]);

  ListWatch watch(replica, token);
  const v1::WatchMypagesResponse news = watch.Next();
  EXPECT_FALSE(news.changes().complete());
  EXPECT_THAT(Told(news), ElementsAre("1@2"));
  OneWatch one(replica, OrderId(1), /*after_version=*/1);
  EXPECT_EQ(one.NextVersion(), 2);
}

// Of orders whose cancel is refused: eight events each.
std::vector<std::vector<Message>> LongLives(int orders) {
  std::vector<std::vector<Message>> lives;
  lives.reserve(static_cast<size_t>(orders));
  for (int i = 0; i < orders; ++i) lives.push_back(Life(OrderId(i), 3));
  return lives;
}

std::vector<Message> EventOfEach(const std::vector<std::vector<Message>>& lives,
                                 size_t event) {
  std::vector<Message> events;
  events.reserve(lives.size());
  for (const auto& life : lives) events.push_back(life[event]);
  return events;
}

// A watcher that loses its call after every answer, and comes back to another
// replica, while events come in: it sees every order's versions grow, none
// twice, and in the end what is stored.
TEST_F(WatchTest, ResumingUnderConcurrentChangesHasNoGapAndNoRepeat) {
  Replica replicas[] = {Replica(db_.dsn()), Replica(db_.dsn())};
  constexpr int kOrders = 15;
  std::atomic<int> calls = 0;
  std::thread applier([&] {
    const std::vector<std::vector<Message>> lives = LongLives(kOrders);
    for (size_t event = 0; event < lives[0].size(); ++event) {
      for (const auto& life : lives) {
        EXPECT_THAT(Apply(pool_, {life[event]}), IsOk());
      }
      // Or a quick one would be through before a call is lost.
      EXPECT_TRUE(Eventually(absl::Seconds(20),
                             [&] { return calls > static_cast<int>(event); }));
    }
  });

  std::map<std::string, int> seen;
  std::string token;
  const absl::Time end = absl::Now() + absl::Seconds(40);
  const auto finished = [&] {
    if (seen.size() != kOrders || absl::Now() > end) return absl::Now() > end;
    return std::ranges::all_of(
        seen, [](const auto& order) { return order.second >= 8; });
  };
  while (!finished()) {
    ListWatch watch(replicas[++calls % 2], token);
    const v1::WatchMypagesResponse response = watch.Next();
    if (!response.has_changes()) continue;
    EXPECT_EQ(response.changes().complete(), token.empty());
    for (const v1::Mypage& mypage : response.changes().mypages()) {
      int& version = seen[mypage.order_id()];
      EXPECT_GT(mypage.version(), version) << mypage.order_id();
      version = mypage.version();
    }
    token = response.changes().resume_token();
  }
  applier.join();

  EXPECT_GT(calls.load(), 3);
  EXPECT_EQ(seen.size(), kOrders);
  for (const auto& [order, version] : seen) EXPECT_EQ(version, 8) << order;
}

TEST_F(WatchTest, WhoReadsSlowlyGetsTheNewestStateAndNothingPilesUp) {
  Replica replica(db_.dsn());
  constexpr int kOrders = 100;
  const std::vector<std::vector<Message>> lives = LongLives(kOrders);
  ListWatch slow(replica, "", kOrders);
  EXPECT_TRUE(slow.Next().changes().complete());
  ListWatch quick(replica, "", kOrders);
  EXPECT_TRUE(quick.Next().changes().complete());

  // Each change is far more than half of what a connection takes in advance.
  size_t changes = 0;
  for (size_t event = 0; event < lives[0].size(); ++event) {
    ASSERT_THAT(Apply(pool_, EventOfEach(lives, event)), IsOk());
    const v1::WatchMypagesResponse response = quick.Next();
    EXPECT_EQ(response.changes().mypages_size(), kOrders);
    ++changes;
  }

  std::map<std::string, int> versions;
  size_t messages = 0;
  const auto newest = [&] {
    for (const auto& [order, version] : versions) {
      if (version < static_cast<int>(changes)) return false;
    }
    return versions.size() == kOrders;
  };
  while (!newest() && messages < changes) {
    const v1::WatchMypagesResponse response = slow.Next();
    ++messages;
    for (const v1::Mypage& mypage : response.changes().mypages()) {
      EXPECT_GT(mypage.version(), versions[mypage.order_id()]);
      versions[mypage.order_id()] = mypage.version();
    }
  }
  EXPECT_TRUE(newest());
  EXPECT_LT(messages, changes - 1);
}

TEST_F(WatchTest, SilenceIsBrokenByHeartbeats) {
  WatchOptions options = kOptions;
  options.heartbeat = absl::Milliseconds(100);
  Replica replica(db_.dsn(), options);
  AwaitListening();
  ApplyOne(Life(OrderId(1), 0)[0]);
  OneWatch one(replica, OrderId(1));
  ListWatch list(replica);
  EXPECT_EQ(one.NextVersion(), 1);
  EXPECT_TRUE(list.Next().has_changes());

  for (int i = 0; i < 3; ++i) {
    const v1::WatchMypageResponse beat = one.Next();
    EXPECT_TRUE(beat.has_heartbeat());
    EXPECT_FALSE(beat.heartbeat().delayed());
    EXPECT_TRUE(list.Next().has_heartbeat());
  }
}

TEST_F(WatchTest, AnOrderThatIsNotHeardOfIsWaitedForAMoment) {
  Replica replica(db_.dsn());
  OneWatch early(replica, OrderId(1));
  OneWatch wrong(replica, OrderId(2));

  ApplyOne(Life(OrderId(1), 0)[0]);

  EXPECT_EQ(early.NextVersion(), 1);
  EXPECT_THAT(wrong.Status(),
              Fails(absl::StatusCode::kNotFound, "MYPAGE_NOT_FOUND"));
}

TEST_F(WatchTest, BadFieldsAreRefusedByName) {
  Replica replica(db_.dsn());
  ListWatch list(replica);
  const std::string token = list.Next().changes().resume_token();
  const auto bad = Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD");

  EXPECT_THAT(OneWatch(replica, "1").Status(), bad);
  EXPECT_THAT(OneWatch(replica, OrderId(1), -1).Status(), bad);
  EXPECT_THAT(ListWatch(replica, "", 0, /*customer_id=*/0).Status(), bad);
  EXPECT_THAT(ListWatch(replica, "", 101).Status(), bad);
  EXPECT_THAT(ListWatch(replica, "rubbish").Status(), bad);
  // Another list's.
  EXPECT_THAT(ListWatch(replica, token, 0, /*customer_id=*/8).Status(), bad);
  EXPECT_THAT(ListWatch(replica, token, 50).Status(), bad);
}

TEST_F(WatchTest, BytesThatAreNoMessageAreRefusedAndCountedOnce) {
  const auto counted = [] {
    return platform::metrics::Counter(
               "grpc_requests_total", "Requests answered.",
               {{"method", "WatchMypages"}, {"code", "INVALID_ARGUMENT"}})
        .Value();
  };
  const double before = counted();
  Replica replica(db_.dsn());
  grpc::GenericStub stub(replica.channel());
  grpc::ClientContext context;
  grpc::CompletionQueue queue;
  const grpc::Slice bytes("\xff\xff\xff");
  // A unary call with a stream's method: what counts is how it ends.
  auto call = stub.PrepareUnaryCall(
      &context, "/restaurant.mypage.v1.MypageService/WatchMypages",
      grpc::ByteBuffer(&bytes, 1), &queue);
  call->StartCall();
  grpc::ByteBuffer response;
  grpc::Status status;
  call->Finish(&response, &status, nullptr);
  void* tag = nullptr;
  bool ok = false;
  ASSERT_TRUE(queue.Next(&tag, &ok));

  EXPECT_THAT(platform::rpc::FromGrpcStatus(status),
              Fails(absl::StatusCode::kInvalidArgument, "INVALID_FIELD"));
  EXPECT_EQ(counted(), before + 1);
}

TEST_F(WatchTest, TooManyAreToldWhenToComeBack) {
  WatchOptions options = kOptions;
  options.limit = 2;
  Replica replica(db_.dsn(), options);
  ListWatch first(replica);
  EXPECT_TRUE(first.Next().has_changes());
  auto second = std::make_unique<ListWatch>(replica);
  EXPECT_TRUE(second->Next().has_changes());

  const absl::Status refused = ListWatch(replica).Status();

  EXPECT_THAT(refused,
              Fails(absl::StatusCode::kResourceExhausted, "OVERLOADED"));
  EXPECT_TRUE(platform::RetryAfterOf(refused).has_value());
  // Who leaves makes room.
  second.reset();
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return ListWatch(replica).Next().has_changes();
  }));
}

TEST_F(WatchTest, AServerThatStopsSaysSo) {
  Replica replica(db_.dsn());
  ApplyOne(Life(OrderId(1), 0)[0]);
  ListWatch list(replica);
  EXPECT_TRUE(list.Next().has_changes());
  OneWatch one(replica, OrderId(1));
  EXPECT_EQ(one.NextVersion(), 1);
  OneWatch unknown(replica, OrderId(2));  // waits for an order to be heard of
  ASSERT_TRUE(Eventually(absl::Seconds(2), [] {
    return absl::StrContains(platform::metrics::Text(), "\nwatchers 3\n");
  }));

  replica.hub().Drain();

  EXPECT_THAT(unknown.Status(),
              Fails(absl::StatusCode::kUnavailable, "WATCH_DRAINING"));
  const v1::WatchMypagesResponse end = list.Next();
  EXPECT_EQ(end.end().error().code(), static_cast<int>(grpc::ABORTED));
  EXPECT_EQ(end.end().error().details_size(), 2);  // why, and when to return
  EXPECT_TRUE(one.Next().has_end());
  EXPECT_THAT(list.Status(),
              Fails(absl::StatusCode::kAborted, "WATCH_DRAINING"));
  EXPECT_THAT(one.Status(),
              Fails(absl::StatusCode::kAborted, "WATCH_DRAINING"));
  EXPECT_THAT(ListWatch(replica).Status(),
              Fails(absl::StatusCode::kUnavailable, "WATCH_DRAINING"));
}

TEST_F(WatchTest, AWatchDoesNotLastForEver) {
  WatchOptions options = kOptions;
  options.max_age = absl::Milliseconds(200);
  Replica replica(db_.dsn(), options);
  ListWatch list(replica);
  EXPECT_TRUE(list.Next().has_changes());

  EXPECT_TRUE(list.Next().has_end());
  EXPECT_THAT(list.Status(),
              Fails(absl::StatusCode::kAborted, "WATCH_EXPIRED"));
}

TEST_F(WatchTest, NobodyWatchesWhatIsAnothers) {
  const test_support::Issuers issuers;
  Replica replica(db_.dsn(), kOptions,
                  platform::auth::Verifier::Create(issuers.Options()).value());
  ApplyOne(Life(OrderId(1), 0, /*customer_id=*/7)[0]);
  const std::string owner = issuers.Person("customer", "7");
  const std::string other = issuers.Person("customer", "8");

  EXPECT_EQ(OneWatch(replica, OrderId(1), 0, owner).NextVersion(), 1);
  // As if there were none, even to who says that he has it.
  EXPECT_THAT(OneWatch(replica, OrderId(1), 0, other).Status(),
              Fails(absl::StatusCode::kNotFound, "MYPAGE_NOT_FOUND"));
  EXPECT_THAT(OneWatch(replica, OrderId(1), 1, other).Status(),
              Fails(absl::StatusCode::kNotFound, "MYPAGE_NOT_FOUND"));
  EXPECT_TRUE(ListWatch(replica, "", 0, 7, owner).Next().has_changes());
  EXPECT_THAT(ListWatch(replica, "", 0, 7, other).Status(),
              Fails(absl::StatusCode::kPermissionDenied, "NOT_YOURS"));
  EXPECT_THAT(ListWatch(replica, "", 0, 7).Status(),
              Fails(absl::StatusCode::kUnauthenticated, "TOKEN_MISSING"));
  EXPECT_EQ(OneWatch(replica, OrderId(1), 0, issuers.Person("operator", "o"))
                .NextVersion(),
            1);
}

TEST_F(WatchTest, AWatchEndsWithItsToken) {
  const test_support::Issuers issuers;
  platform::auth::VerifierOptions strict = issuers.Options();
  strict.leeway = absl::ZeroDuration();
  Replica replica(db_.dsn(), kOptions,
                  platform::auth::Verifier::Create(strict).value());
  nlohmann::json claims = test_support::ClaimsOf("customer", "7");
  claims["nbf"] = claims["nbf"].get<int64_t>() - 60;
  claims["exp"] = absl::ToUnixSeconds(absl::Now()) + 5;
  const std::string token =
      platform::auth::SignToken(issuers.people().private_pem, "people",
                                claims.dump())
          .value();

  ListWatch list(replica, "", 0, 7, token);

  EXPECT_TRUE(list.Next().has_changes());
  EXPECT_THAT(list.Status(),
              Fails(absl::StatusCode::kAborted, "WATCH_EXPIRED"));
}

TEST_F(WatchTest, WhatChangedWhileNobodyListenedIsReadAfterwards) {
  Replica replica(db_.dsn());
  const std::vector<Message> life = Life(OrderId(1), 0);
  ApplyOne(life[0]);
  OneWatch watch(replica, OrderId(1));
  EXPECT_EQ(watch.NextVersion(), 1);

  db_.KillBackends();
  ApplyOne(life[1]);

  EXPECT_EQ(watch.NextVersion(), 2);
  // And it listens again.
  ApplyOne(life[2]);
  EXPECT_EQ(watch.NextVersion(), 3);
}

TEST(WatchOutageTest, ADatabaseThatIsAwayIsSaidAndOutlived) {
  test_support::PostgresServer server;
  const test_support::TestDatabase db(server, Migrations());
  platform::pg::Pool pool({.name = "test",
                           .dsn = db.dsn(),
                           .connections = 1,
                           .acquire_timeout = absl::Seconds(5),
                           .prepare = Prepare});
  WatchOptions options = kOptions;
  options.heartbeat = absl::Milliseconds(100);
  Replica replica(db.dsn(), options);
  const std::vector<Message> life = Life(OrderId(1), 0);
  ASSERT_THAT(Apply(pool, {life[0]}), IsOk());
  OneWatch watch(replica, OrderId(1));
  EXPECT_EQ(watch.NextVersion(), 1);

  server.Stop();

  bool delayed = false;
  for (int i = 0; i < 100 && !delayed; ++i) {
    delayed = watch.Next().heartbeat().delayed();
  }
  EXPECT_TRUE(delayed);
  // One that begins now is refused.
  EXPECT_THAT(OneWatch(replica, OrderId(2)).Status(),
              Fails(absl::StatusCode::kUnavailable, "DATABASE_UNAVAILABLE"));
  server.Start();
  ASSERT_TRUE(Eventually(absl::Seconds(20),
                         [&] { return Apply(pool, {life[1]}).ok(); }));
  int version = 0;
  for (int i = 0; i < 200 && version == 0; ++i) version = watch.NextVersion();
  EXPECT_EQ(version, 2);
}

}  // namespace
}  // namespace mypage
