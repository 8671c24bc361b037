// `mypage rebuild` on a real Postgres and a real nats-server, with consumers
// and readers going on.

#include "mypage/adapters/rebuild.h"

#include <atomic>
#include <map>
#include <set>
#include <thread>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "mypage/adapters/pg_mypage_store.h"
#include "mypage/adapters/shadow_tables.h"
#include "mypage/adapters/subscriptions.h"
#include "mypage/migrations/migrations.h"
#include "platform/events/consumer.h"
#include "platform/events/provisioner.h"
#include "platform/failpoint/failpoint.h"
#include "platform/thread/mutex.h"
#include "tests/integration/mypage/lives.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/postgres.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace mypage {
namespace {

namespace events = platform::events;
using ::platform::events::Message;
using ::test_support::Eventually;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kAllInboxRows[] =
    "SELECT coalesce(string_agg(durable || event_id, ' ' "
    "ORDER BY durable, event_id), '') FROM inbox";

// All that belongs to a table besides its rows.
constexpr char kShape[] = R"sql(
    SELECT string_agg(concat_ws(' ', c.relname, c.relnamespace::regnamespace,
        c.relowner::regrole, c.reloptions, c.relacl::text,
        (SELECT string_agg(indexdef, '; ' ORDER BY indexdef) FROM pg_indexes
         WHERE tablename = c.relname),
        (SELECT string_agg(pg_get_constraintdef(oid) || conname, '; '
                           ORDER BY conname)
         FROM pg_constraint WHERE conrelid = c.oid),
        (SELECT string_agg(concat_ws(' ', attname, atttypid::regtype,
                attnotnull, pg_get_expr(adbin, adrelid)), '; '
                ORDER BY attnum)
         FROM pg_attribute LEFT JOIN pg_attrdef
             ON adrelid = attrelid AND adnum = attnum
         WHERE attrelid = c.oid AND attnum > 0)), E'\n' ORDER BY c.relname)
    FROM pg_class c WHERE c.relname IN ('mypage_views', 'inbox'))sql";

class RebuildTest : public testing::Test {
 protected:
  RebuildTest() {
    auto connected =
        events::JetStream::Connect({.url = nats_.url(), .name = "test"});
    EXPECT_THAT(connected, IsOk());
    jetstream_ = *std::move(connected);
    EXPECT_TRUE(
        Eventually(absl::Seconds(10), [&] { return jetstream_->connected(); }));
    // Without the provisioner's "nobody may purge": some tests do.
    for (const char* stream : {"ORDER", "COOK", "DELIVERY"}) {
      CreateStream(stream);
    }
    CreateDurables();
  }

  void CreateStream(const std::string& stream) {
    Api(absl::StrCat("STREAM.CREATE.", stream),
        absl::StrCat(R"({"name":")", stream, R"(","subjects":["restaurant.)",
                     absl::AsciiStrToLower(stream),
                     R"(.>"],"storage":"file"})"));
  }

  void CreateDurables() {
    const auto declared = events::ReadDeclarations(
        {std::string(SOURCE_DIR "/mypage/jetstream.json")});
    ASSERT_THAT(declared, IsOk());
    ASSERT_THAT(events::Provision(*jetstream_, *declared, 1), IsOk());
  }

  void Api(const std::string& method, const std::string& json) {
    EXPECT_THAT(jetstream_->Api(method, json, absl::Seconds(10)), IsOk())
        << method;
  }

  void Purge(const std::string& stream, int keep) {
    Api(absl::StrCat("STREAM.PURGE.", stream),
        keep == 0 ? "" : absl::StrCat(R"({"keep":)", keep, "}"));
  }

  void Publish(const std::vector<Message>& messages) {
    std::vector<events::OutMessage> wire;
    for (const Message& message : messages) wire.push_back(ToWire(message));
    for (const auto& ack : jetstream_->PublishAll(wire, absl::Seconds(20))) {
      ASSERT_THAT(ack, IsOk());
    }
  }

  // The consumers of one replica, as in the service.
  using Replica = std::vector<std::unique_ptr<events::Consumer>>;
  Replica StartReplica() { return StartReplica(pool_); }
  Replica StartReplica(platform::pg::Pool& pool) {
    Replica replica;
    for (const events::Subscription& each : Subscriptions()) {
      replica.push_back(std::make_unique<events::Consumer>(
          pool, *jetstream_, OptionsOf(each), each.handler));
    }
    return replica;
  }

  // What the rows must be once `messages` were all applied.
  static std::string RowsOf(const std::vector<Message>& messages) {
    const test_support::TestDatabase db(Migrations());
    platform::pg::Pool pool({.name = "expected",
                             .dsn = db.dsn(),
                             .connections = 1,
                             .acquire_timeout = absl::Seconds(5),
                             .prepare = Prepare});
    EXPECT_THAT(Apply(pool, messages), IsOk());
    return db.Value(kAllRows);
  }

  std::string Rows() const { return db_.Value(kAllRows); }

  RebuildOptions Options() {
    return {.dsn = db_.dsn(),
            .nats = {.url = nats_.url(), .name = "mypage-admin"},
            .subscriptions = Subscriptions(),
            .say = [this](const std::string& line) {
              said_.push_back(line);
              if (on_say_) on_say_(line);
            }};
  }

  void ExpectNothingLeftBehind() {
    EXPECT_EQ(db_.Value("SELECT count(*) FROM pg_namespace "
                        "WHERE nspname = 'mypage_rebuild'"),
              "0");
    for (const char* stream : {"ORDER", "COOK", "DELIVERY"}) {
      const auto names = jetstream_->Api(
          absl::StrCat("CONSUMER.NAMES.", stream), "", absl::Seconds(5));
      ASSERT_THAT(names, IsOk());
      EXPECT_FALSE(absl::StrContains(*names, "mypage-admin")) << *names;
    }
  }

  const test_support::TestDatabase db_{Migrations()};
  test_support::NatsServer nats_;
  platform::pg::Pool pool_{{.name = "test",
                            .dsn = db_.dsn(),
                            .connections = 8,
                            .acquire_timeout = absl::Seconds(5),
                            .prepare = Prepare}};
  std::unique_ptr<events::JetStream> jetstream_;
  std::vector<std::string> said_;
  std::function<void(const std::string&)> on_say_;
};

// Reads without a pause, as customers do.
class Readers {
 public:
  Readers(platform::pg::Pool& pool, std::string order_id)
      : thread_([this, &pool, order_id = std::move(order_id)] {
          while (!stop_) {
            const absl::Status status =
                pool.Read([&](pqxx::nontransaction& tx) {
                  return FindMypage(tx, order_id).status();
                });
            ++reads_;
            if (status.ok()) continue;
            ++failures_;
            ADD_FAILURE() << "a read failed: " << status;
            return;
          }
        }) {}
  ~Readers() {
    stop_ = true;
    thread_.join();
    EXPECT_GT(reads_, 10);
  }

 private:
  std::atomic<bool> stop_ = false;
  std::atomic<int> reads_ = 0;
  std::atomic<int> failures_ = 0;
  std::thread thread_;
};

TEST_F(RebuildTest, ItIsAsBeforeRowByRow) {
  db_.Exec(
      "DO $$ BEGIN CREATE ROLE mypage_reader; EXCEPTION WHEN "
      "duplicate_object THEN NULL; END $$;"
      "GRANT SELECT ON mypage_views TO mypage_reader;"
      "GRANT SELECT, INSERT ON inbox TO PUBLIC;"
      "INSERT INTO inbox (durable, event_id) VALUES "
      "('other', '0197e3b0-0000-7000-8000-000000000001')");
  const std::vector<Message> messages = Lives(0, 120);
  const std::string expected = RowsOf(messages);
  Publish(messages);
  const Replica replica = StartReplica();
  ASSERT_TRUE(
      Eventually(absl::Seconds(20), [&] { return Rows() == expected; }));
  const std::string inbox = db_.Value(kAllInboxRows);
  const std::string shape = db_.Value(kShape);
  const Readers readers(pool_, OrderId(1));

  EXPECT_THAT(Rebuild(Options()), IsOk());

  EXPECT_EQ(Rows(), expected);
  EXPECT_EQ(db_.Value(kAllInboxRows), inbox);
  EXPECT_EQ(db_.Value(kShape), shape);
  EXPECT_THAT(said_,
              Contains(absl::StrCat("rebuilt 120 orders (before: 120) from ",
                                    messages.size(), " events")));
  EXPECT_THAT(said_, Contains(HasSubstr("0 entries kept")));
  ExpectNothingLeftBehind();
  // And life goes on.
  Publish(Lives(120, 126));
  const std::string more = RowsOf(Lives(0, 126));
  EXPECT_TRUE(Eventually(absl::Seconds(20), [&] { return Rows() == more; }));
  EXPECT_THAT(Rebuild(Options()), IsOk());
  EXPECT_EQ(Rows(), more);
}

TEST_F(RebuildTest, AProjectionThatWasDroppedComesBack) {
  const std::vector<Message> messages = Lives(0, 60);
  Publish(messages);
  const Replica replica = StartReplica();
  const std::string expected = RowsOf(messages);
  ASSERT_TRUE(
      Eventually(absl::Seconds(20), [&] { return Rows() == expected; }));

  db_.Exec("TRUNCATE mypage_views");
  EXPECT_THAT(Rebuild(Options()), IsOk());

  EXPECT_EQ(Rows(), expected);
}

TEST_F(RebuildTest, WhatStreamsStillHoldIsReadAnewWhereverItWasWrong) {
  const std::vector<Message> messages = Lives(0, 60);
  Publish(messages);
  const std::string expected = RowsOf(messages);
  ASSERT_THAT(Apply(pool_, messages), IsOk());
  db_.Exec(
      "UPDATE mypage_views SET customer_id = 99, qty = 1, order_status = 3,"
      " timeline = replace(timeline, 'COOK', 'BURN')");

  EXPECT_THAT(Rebuild(Options()), IsOk());

  EXPECT_EQ(Rows(), expected);
}

TEST_F(RebuildTest, EventsAndReadersMayGoOnMeanwhile) {
  std::vector<Message> early = Lives(0, 300);
  const std::vector<Message> late = Lives(300, 900);
  std::vector<Message> all = early;
  all.insert(all.end(), late.begin(), late.end());
  const std::string expected = RowsOf(all);
  Publish(early);
  const Replica one = StartReplica();
  const Replica two = StartReplica();
  ASSERT_TRUE(Eventually(absl::Seconds(20), [&] {
    return db_.Value("SELECT count(*) FROM mypage_views") == "300";
  }));
  const Readers readers(pool_, OrderId(1));
  const Readers more_readers(pool_, OrderId(299));

  std::thread publisher([&] {
    for (size_t i = 0; i < late.size(); i += 40) {
      Publish({late.begin() + static_cast<std::ptrdiff_t>(i),
               late.begin() +
                   static_cast<std::ptrdiff_t>(std::min(i + 40, late.size()))});
    }
  });
  for (int i = 0; i < 3; ++i) EXPECT_THAT(Rebuild(Options()), IsOk());
  publisher.join();
  EXPECT_TRUE(
      Eventually(absl::Seconds(60), [&] { return Rows() == expected; }));

  EXPECT_EQ(Rows(), expected);
  EXPECT_EQ(db_.Value("SELECT count(*) FROM dead_letters"), "0");
  EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), absl::StrCat(all.size()));
  ExpectNothingLeftBehind();
}

// Streams keep a week, the pages are kept for years.
TEST_F(RebuildTest, WhatStreamsNoLongerHoldIsKept) {
  const std::vector<Message> messages = Lives(0, 60);
  Publish(messages);
  const std::string expected = RowsOf(messages);
  const Replica replica = StartReplica();
  ASSERT_TRUE(
      Eventually(absl::Seconds(20), [&] { return Rows() == expected; }));
  const std::string inbox = db_.Value(kAllInboxRows);
  // Whole orders are gone from all streams, others from some, and one stream
  // was lost and made anew.
  Purge("ORDER", 30);
  Purge("COOK", 5);
  Api("STREAM.DELETE.DELIVERY", "");
  CreateStream("DELIVERY");

  EXPECT_THAT(Rebuild(Options()), IsOk());

  EXPECT_EQ(Rows(), expected);
  EXPECT_EQ(db_.Value(kAllInboxRows), inbox);
  EXPECT_THAT(said_, Contains(absl::StrCat(
                         messages.size() - 35,
                         " entries kept whose events the streams no longer "
                         "hold")));
}

// Whoever watches hears of the swap, and of nothing else: what fills the shadow
// is not shown to anybody.
TEST_F(RebuildTest, OnlyTheSwapIsTold) {
  const std::vector<Message> messages = Lives(0, 12);
  Publish(messages);
  ASSERT_THAT(Apply(pool_, messages), IsOk());
  Ear ear(db_.dsn());

  EXPECT_THAT(Rebuild(Options()), IsOk());

  EXPECT_THAT(ear.Take(), ElementsAre("*"));
}

TEST_F(RebuildTest, GarbageInAStreamIsLeftOut) {
  const std::vector<Message> messages = Lives(0, 12);
  std::vector<Message> soiled = messages;
  Message unreadable = Life(OrderId(99), 0).front();
  unreadable.payload = "\xff\xff";
  soiled.insert(soiled.begin() + 5, unreadable);
  Publish(soiled);
  events::OutMessage no_event;
  no_event.subject = "restaurant.order.ordered";
  no_event.payload = "hello";
  EXPECT_THAT(jetstream_->PublishAll({&no_event, 1}, absl::Seconds(5))[0],
              IsOk());
  ASSERT_THAT(Apply(pool_, messages), IsOk());

  EXPECT_THAT(Rebuild(Options()), IsOk());

  EXPECT_EQ(Rows(), RowsOf(messages));
  EXPECT_THAT(said_, Contains("2 unreadable events left out"));
}

TEST_F(RebuildTest, OneThatFailsHalfWayChangesNothing) {
  const std::vector<Message> messages = Lives(0, 60);
  Publish(messages);
  const std::string expected = RowsOf(messages);
  const Replica replica = StartReplica();
  ASSERT_TRUE(
      Eventually(absl::Seconds(20), [&] { return Rows() == expected; }));
  const std::string inbox = db_.Value(kAllInboxRows);

  for (const char* moment : {"ORDER:", "pausing", "DELIVERY:"}) {
    on_say_ = [&](const std::string& line) {
      if (absl::StartsWith(line, moment)) db_.KillBackends();
    };
    EXPECT_THAT(Rebuild(Options()), Fails(absl::StatusCode::kUnavailable))
        << moment;
    EXPECT_EQ(Rows(), expected) << moment;
    EXPECT_EQ(db_.Value(kAllInboxRows), inbox) << moment;
  }

  // The next one starts clean, also from what has come since.
  on_say_ = nullptr;
  Publish(Lives(60, 72));
  EXPECT_THAT(Rebuild(Options()), IsOk());
  const std::string more = RowsOf(Lives(0, 72));
  EXPECT_TRUE(Eventually(absl::Seconds(20), [&] { return Rows() == more; }));
  ExpectNothingLeftBehind();
}

TEST_F(RebuildTest, OneThatIsKilledAtTheSwapChangesNothing) {
  const std::vector<Message> messages = Lives(0, 30);
  Publish(messages);
  ASSERT_THAT(Apply(pool_, messages), IsOk());
  const std::string expected = Rows();
  const test_support::TempDir dir;
  const std::string output = dir.path() + "/output";
  {
    // Somebody applies for ever, so it waits.
    pqxx::connection connection(db_.dsn());
    pqxx::work applier(connection);
    applier.exec("LOCK TABLE inbox IN ROW EXCLUSIVE MODE");
    test_support::Process program(
        {.command = {absl::StrCat(BINARY_DIR, "/bin/mypage"), "rebuild",
                     "--listen=127.0.0.1:0", "--metrics_listen=127.0.0.1:0",
                     "--pg_dsn=" + db_.dsn(), "--nats_url=" + nats_.url()},
         .environment = {},
         .output = output,
         .user = "",
         .signal_at_death = SIGKILL});
    ASSERT_TRUE(Eventually(absl::Seconds(20), [&] {
      return absl::StrContains(test_support::ReadFile(output), "pausing");
    })) << test_support::ReadFile(output);

    // One at a time.
    EXPECT_THAT(Rebuild(Options()), Fails(absl::StatusCode::kFailedPrecondition,
                                          "REBUILD_RUNNING"));

    program.Kill();
  }

  EXPECT_EQ(Rows(), expected);
  // The server notices the dead client a moment later.
  EXPECT_TRUE(
      Eventually(absl::Seconds(20), [&] { return Rebuild(Options()).ok(); }));
  EXPECT_EQ(Rows(), expected);
}

// Before the swap nothing has changed, after it all has: read, and done once
// more, it can be either way.
TEST_F(RebuildTest, OneThatBreaksOffAroundTheSwapCanBeRepeated) {
  const std::vector<Message> messages = Lives(0, 30);
  Publish(messages);
  ASSERT_THAT(Apply(pool_, messages), IsOk());
  const std::string expected = Rows();
  const Readers readers(pool_, OrderId(1));
  // The session of the one before, and its lock, may last a moment longer.
  const auto ends_with = [&](absl::StatusCode code) {
    return Eventually(absl::Seconds(20),
                      [&] { return Rebuild(Options()).code() == code; });
  };

  for (const bool swapped : {false, true}) {
    db_.Exec("UPDATE mypage_views SET customer_id = 99, qty = 1");
    const std::string spoilt = Rows();
    ASSERT_THAT(platform::failpoint::Arm(
                    swapped ? "mypage.rebuild_after_swap=error(UNAVAILABLE)"
                            : "mypage.rebuild_before_swap=error(UNAVAILABLE)"),
                IsOk());
    EXPECT_TRUE(ends_with(absl::StatusCode::kUnavailable));
    platform::failpoint::DisarmAll();
    EXPECT_EQ(Rows(), swapped ? expected : spoilt);
    EXPECT_TRUE(ends_with(absl::StatusCode::kOk));
    EXPECT_EQ(Rows(), expected);
  }
  ExpectNothingLeftBehind();
}

TEST_F(RebuildTest, WhatCannotBeAppliedInAPauseComesAgain) {
  platform::pg::Pool pool(
      {.name = "impatient",
       .dsn = db_.dsn() + " options='-c lock_timeout=100ms'",
       .connections = 3,
       .acquire_timeout = absl::Seconds(5),
       .prepare = Prepare});
  const Replica replica = StartReplica(pool);
  {
    pqxx::connection connection(db_.dsn());
    pqxx::work rebuild(connection);
    PauseAppliers(rebuild);
    Publish(Lives(0, 30));
    absl::SleepFor(absl::Seconds(1));
    EXPECT_EQ(Rows(), "");
    EXPECT_EQ(db_.Value("SELECT count(*) FROM inbox"), "0");
  }

  const std::string expected = RowsOf(Lives(0, 30));
  EXPECT_TRUE(
      Eventually(absl::Seconds(20), [&] { return Rows() == expected; }));
  EXPECT_EQ(db_.Value("SELECT count(*) FROM dead_letters"), "0");
}

}  // namespace
}  // namespace mypage
