// Streams and durables as declared, on a real nats-server; and the program that
// keeps them so.
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "platform/events/jetstream.h"
#include "platform/events/provisioner.h"
#include "tests/support/eventually.h"
#include "tests/support/nats.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using nlohmann::json;
using ::test_support::Eventually;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr char kRed[] = R"({
  "stream": {"name": "RED", "subjects": ["test.red.>"]},
  "durables": [{"stream": "BLUE", "name": "red",
                "filter_subjects": ["test.blue.a", "test.blue.b"]}]
})";
constexpr char kBlue[] = R"({
  "stream": {"name": "BLUE", "subjects": ["test.blue.>"]},
  "durables": [{"stream": "RED", "name": "blue",
                "filter_subjects": ["test.red.>"]}]
})";

// Declaration files of a test's own.
class Files {
 public:
  std::string Write(const std::string& name, const std::string& text) {
    const std::string path = absl::StrCat(dir_.path(), "/", name);
    std::ofstream(path) << text;
    return path;
  }
  std::vector<std::string> RedAndBlue() {
    return {Write("red.json", kRed), Write("blue.json", kBlue)};
  }
  std::string Log() const { return dir_.path() + "/log"; }

 private:
  test_support::TempDir dir_;
};

struct BadFile {
  const char* text;
  const char* says;
};

TEST(DeclarationsTest, ABadFileIsNamedWithItsFault) {
  Files files;
  for (const BadFile& bad : {
           BadFile{"no json", "is no JSON"},
           {"[]", "must be a JSON object"},
           {R"({"streams": []})", "unknown key \"streams\""},
           {R"({"stream": {"name": "A", "subjects": ["a"], "age": 1}})",
            "unknown key \"age\""},
           {R"({"stream": {"name": "A"}})", "subjects"},
           {R"({"stream": {"name": 7, "subjects": ["a"]}})", "string"},
           {R"({"stream": "A"})", "must be a JSON object"},
           {R"({"durables": [{"stream": "A", "name": "b"}]})",
            "filter_subjects"},
           {R"({"durables": [{"stream": "A", "name": "b",
                "filter_subjects": ["a"], "ack_wait": 1}]})",
            "unknown key \"ack_wait\""},
           {R"({"durables": 5})", "must be a JSON object"},
       }) {
    const auto read = ReadDeclarations({files.Write("bad.json", bad.text)});
    EXPECT_THAT(read, Fails(absl::StatusCode::kInvalidArgument)) << bad.text;
    EXPECT_THAT(std::string(read.status().message()),
                testing::AllOf(HasSubstr("bad.json"), HasSubstr(bad.says)))
        << bad.text;
  }
  EXPECT_THAT(ReadDeclarations({"nowhere.json"}),
              Fails(absl::StatusCode::kInvalidArgument));
}

TEST(DeclarationsTest, TwoServicesCannotDeclareTheSame) {
  Files files;
  const std::string red = files.Write("red.json", kRed);
  const std::string stream = files.Write(
      "stream.json", R"({"stream": {"name": "RED", "subjects": ["other"]}})");
  const std::string durable = files.Write(
      "durable.json", R"({"durables": [{"stream": "BLUE", "name": "red",
                          "filter_subjects": ["test.blue.a"]}]})");
  for (const std::string& other : {stream, durable, red}) {
    const auto read = ReadDeclarations({red, other});
    EXPECT_THAT(read, Fails(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(std::string(read.status().message()), HasSubstr(other));
  }
}

TEST(DeclarationsTest, TheServicesOwnCanBeRead) {
  const auto read = ReadDeclarations({SOURCE_DIR "/order/jetstream.json",
                                      SOURCE_DIR "/cook/jetstream.json",
                                      SOURCE_DIR "/delivery/jetstream.json",
                                      SOURCE_DIR "/mypage/jetstream.json"});
  ASSERT_THAT(read, IsOk());
  EXPECT_THAT(read->streams, SizeIs(3));
  EXPECT_THAT(read->durables, SizeIs(7));
}

class ProvisionerTest : public ::testing::Test {
 protected:
  ProvisionerTest() : declared_(*ReadDeclarations(files_.RedAndBlue())) {
    auto connected = JetStream::Connect({.url = nats_.url(), .name = "test"});
    EXPECT_THAT(connected, IsOk());
    jetstream_ = *std::move(connected);
    EXPECT_TRUE(
        Eventually(absl::Seconds(10), [&] { return jetstream_->connected(); }));
  }

  // One look; must succeed.
  Provisioned Keep() {
    Provisioned done;
    EXPECT_THAT(Provision(*jetstream_, declared_, 1, &done), IsOk());
    return done;
  }

  json Api(const std::string& method, const json& request = nullptr) {
    const auto answer = jetstream_->Api(
        method, request.is_null() ? "" : request.dump(), absl::Seconds(10));
    EXPECT_THAT(answer, IsOk()) << method;
    return json::parse(answer.value_or("{}"));
  }
  json Config(const std::string& info) { return Api(info)["config"]; }

  bool Exists(const std::string& info) {
    return jetstream_->Api(info, "", absl::Seconds(10)).ok();
  }

  void Publish(const std::string& subject) {
    OutMessage message;
    message.subject = subject;
    ASSERT_THAT(jetstream_->PublishAll({message}, absl::Seconds(10)),
                ElementsAre(IsOk()));
  }

  // The program, with the declarations above.
  std::vector<std::string> Command(const std::vector<std::string>& flags) {
    std::vector<std::string> command = {BINARY_DIR "/bin/provisioner"};
    command.insert(command.end(), flags.begin(), flags.end());
    for (const std::string& file : files_.RedAndBlue()) command.push_back(file);
    return command;
  }

  Files files_;
  const Declarations declared_;
  test_support::NatsServer nats_;
  std::unique_ptr<JetStream> jetstream_;
};

TEST_F(ProvisionerTest, MakesWhatIsDeclaredOnce) {
  EXPECT_THAT(Keep().created,
              ElementsAre("stream RED", "stream BLUE", "durable red of BLUE",
                          "durable blue of RED"));
  const Provisioned again = Keep();
  EXPECT_THAT(again.created, IsEmpty());
  EXPECT_THAT(again.corrected, IsEmpty());

  const json stream = Config("STREAM.INFO.RED");
  EXPECT_EQ(stream["subjects"], json({"test.red.>"}));
  EXPECT_EQ(stream["storage"], "file");
  EXPECT_EQ(stream["retention"], "limits");
  EXPECT_EQ(stream["max_age"], int64_t{7} * 24 * 3600 * 1'000'000'000);
  EXPECT_EQ(stream["duplicate_window"], int64_t{120} * 1'000'000'000);
  EXPECT_EQ(stream["max_msg_size"], 256 * 1024);
  EXPECT_EQ(stream["discard"], "old");
  const json durable = Config("CONSUMER.INFO.BLUE.red");
  EXPECT_EQ(durable["filter_subjects"], json({"test.blue.a", "test.blue.b"}));
  EXPECT_EQ(durable["ack_policy"], "explicit");
  EXPECT_EQ(durable["deliver_policy"], "all");
  EXPECT_EQ(durable["ack_wait"], int64_t{30} * 1'000'000'000);
  EXPECT_EQ(durable["max_deliver"], -1);
  EXPECT_EQ(durable["max_ack_pending"], 2000);
  EXPECT_FALSE(durable.contains("inactive_threshold"));
}

TEST_F(ProvisionerTest, NobodyRemovesEvents) {
  Keep();
  Publish("test.red.x");
  EXPECT_FALSE(jetstream_->Api("STREAM.PURGE.RED", "", absl::Seconds(10)).ok());
  EXPECT_FALSE(
      jetstream_
          ->Api("STREAM.MSG.DELETE.RED", R"({"seq":1})", absl::Seconds(10))
          .ok());
  EXPECT_EQ(Api("STREAM.INFO.RED")["state"]["messages"], 1);
}

TEST_F(ProvisionerTest, CorrectsWhatDiffersAndLosesNothing) {
  Keep();
  Publish("test.red.x");
  Publish("test.red.y");
  // One of the two was handled.
  auto pull = jetstream_->PullFrom("RED", "blue");
  ASSERT_THAT(pull, IsOk());
  auto hand = (*pull)->Next(1, absl::Seconds(10));
  ASSERT_THAT(hand, IsOk());
  ASSERT_THAT(*hand, SizeIs(1));
  ASSERT_THAT(jetstream_->Send(hand->front().reply, "+ACK"), IsOk());
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return Api("CONSUMER.INFO.RED.blue")["ack_floor"]["stream_seq"] == 1;
  }));

  json stream = Config("STREAM.INFO.RED");
  stream["max_age"] = int64_t{3600} * 1'000'000'000;
  stream["subjects"] = json({"test.red.>", "test.green.>"});
  Api("STREAM.UPDATE.RED", stream);
  json durable = Config("CONSUMER.INFO.RED.blue");
  durable["ack_wait"] = int64_t{1} * 1'000'000'000;
  durable["filter_subject"] = "test.red.x";
  Api("CONSUMER.DURABLE.CREATE.RED.blue",
      {{"stream_name", "RED"}, {"config", durable}});

  EXPECT_THAT(Keep().corrected,
              ElementsAre("stream RED", "durable blue of RED"));
  EXPECT_EQ(Config("STREAM.INFO.RED")["max_age"],
            int64_t{7} * 24 * 3600 * 1'000'000'000);
  EXPECT_EQ(Config("STREAM.INFO.RED")["subjects"], json({"test.red.>"}));
  EXPECT_EQ(Config("CONSUMER.INFO.RED.blue")["filter_subject"], "test.red.>");
  EXPECT_EQ(Config("CONSUMER.INFO.RED.blue")["ack_wait"],
            int64_t{30} * 1'000'000'000);
  EXPECT_EQ(Api("STREAM.INFO.RED")["state"]["messages"], 2);
  EXPECT_EQ(Api("CONSUMER.INFO.RED.blue")["ack_floor"]["stream_seq"], 1)
      << "the durable forgot where it was";
}

TEST_F(ProvisionerTest, MakesAgainWhatWasDeletedAndLeavesTheRest) {
  Keep();
  Api("STREAM.CREATE.FOREIGN",
      {{"name", "FOREIGN"}, {"subjects", {"foreign"}}});
  Api("CONSUMER.DELETE.RED.blue");
  EXPECT_THAT(Keep().created, ElementsAre("durable blue of RED"));
  Api("STREAM.DELETE.RED");
  EXPECT_THAT(Keep().created, ElementsAre("stream RED", "durable blue of RED"));
  EXPECT_TRUE(Exists("STREAM.INFO.FOREIGN"));
}

TEST_F(ProvisionerTest, WhatCannotBeKeptIsNamedAndTheOthersAreKept) {
  // Storage cannot be changed.
  Api("STREAM.CREATE.RED",
      {{"name", "RED"}, {"subjects", {"test.red.>"}}, {"storage", "memory"}});
  const absl::Status status = Provision(*jetstream_, declared_, 1);
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(std::string(status.message()), HasSubstr("stream RED: "));
  EXPECT_TRUE(Exists("STREAM.INFO.BLUE"));
  EXPECT_TRUE(Exists("CONSUMER.INFO.BLUE.red"));
}

TEST_F(ProvisionerTest, SaysThatTheBrokerIsAway) {
  nats_.Kill();
  EXPECT_THAT(Provision(*jetstream_, declared_, 1),
              Fails(absl::StatusCode::kUnavailable));
}

TEST_F(ProvisionerTest, TheProgramLooksOnce) {
  const auto finished = test_support::RunProgram(
      {.command = Command({"--once", "--nats_url=" + nats_.url()})},
      absl::Seconds(30));
  EXPECT_EQ(finished.exit_code, 0) << finished.output;
  EXPECT_TRUE(Exists("STREAM.INFO.RED"));
  EXPECT_TRUE(Exists("CONSUMER.INFO.RED.blue"));
}

TEST_F(ProvisionerTest, TheProgramRefusesWhatItCannotDoAtOnce) {
  const auto run = [&](std::vector<std::string> command) {
    return test_support::RunProgram({.command = std::move(command)},
                                    absl::Seconds(30));
  };
  const std::string url = "--nats_url=" + nats_.url();
  EXPECT_EQ(run(Command({})).exit_code, 2);
  EXPECT_EQ(run(Command({url, "--replicas=2"})).exit_code, 2);
  EXPECT_EQ(run({BINARY_DIR "/bin/provisioner", url}).exit_code, 2);
  EXPECT_EQ(run(Command({url, "--no_such_flag"})).exit_code, 2);
  const auto bad = run({BINARY_DIR "/bin/provisioner", url,
                        files_.Write("bad.json", "no json")});
  EXPECT_EQ(bad.exit_code, 2);
  EXPECT_THAT(bad.output, HasSubstr("bad.json: is no JSON"));
  // Three copies need three servers.
  const auto refused = run(Command({url, "--once", "--replicas=3"}));
  EXPECT_EQ(refused.exit_code, 1) << refused.output;
}

TEST_F(ProvisionerTest, TheProgramWaitsRestoresAndEnds) {
  nats_.Stop();
  test_support::Process program(
      {.command = Command({"--nats_url=" + nats_.url()}),
       .output = files_.Log()});
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return absl::StrContains(test_support::ReadFile(files_.Log()),
                             "NATS is away");
  }));
  nats_.Start();
  // What is gone before that was never there.
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return absl::StrContains(test_support::ReadFile(files_.Log()),
                             R"("message":"all is as declared")");
  }));
  EXPECT_TRUE(Exists("CONSUMER.INFO.RED.blue"));

  Api("STREAM.DELETE.RED");
  EXPECT_TRUE(Eventually(absl::Seconds(10),
                         [&] { return Exists("CONSUMER.INFO.RED.blue"); }));
  EXPECT_TRUE(Eventually(absl::Seconds(10), [&] {
    return absl::StrContains(test_support::ReadFile(files_.Log()),
                             "somebody deleted it: created again");
  }));

  program.Signal(SIGTERM);
  EXPECT_EQ(program.Wait(absl::Seconds(10)), std::optional<int>(0));
}

}  // namespace
}  // namespace platform::events
