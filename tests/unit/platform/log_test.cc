#include "platform/log/log.h"

#include <cmath>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

namespace platform::log {
namespace {

class LogTest : public ::testing::Test {
 protected:
  LogTest() { Init("tester", Level::kInfo, "thing_id"); }
};

TEST_F(LogTest, ALineIsAnObject) {
  ::testing::internal::CaptureStderr();
  Info("it happened", {{"thing_id", "7"},
                       {"count", 3},
                       {"ratio", 0.5},
                       {"fine", true},
                       {"duration_ms", absl::Microseconds(1500)}});
  const auto line =
      nlohmann::json::parse(::testing::internal::GetCapturedStderr());

  EXPECT_EQ(line["level"], "info");
  EXPECT_EQ(line["service"], "tester");
  EXPECT_EQ(line["message"], "it happened");
  EXPECT_EQ(line["thing_id"], "7");
  EXPECT_EQ(line["count"], 3);
  EXPECT_EQ(line["ratio"], 0.5);
  EXPECT_EQ(line["fine"], true);
  EXPECT_EQ(line["duration_ms"], 1.5);
  absl::Time time;
  EXPECT_TRUE(absl::ParseTime(absl::RFC3339_full,
                              line["time"].get<std::string>(), &time, nullptr));
}

// Nobody can write a line of his own by what he says.
TEST_F(LogTest, WhateverIsLoggedStaysInItsField) {
  const std::string nasty("\"},\n{\"level\":\"error\"\r\xff\0\x01", 24);
  ::testing::internal::CaptureStderr();
  Info(nasty, {{"value", nasty}, {"number", std::nan("")}});
  const std::string text = ::testing::internal::GetCapturedStderr();

  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 1);
  const auto line = nlohmann::json::parse(text);
  EXPECT_EQ(line["level"], "info");
  EXPECT_TRUE(line["value"].is_string());
}

TEST_F(LogTest, EveryCharacterComesThrough) {
  for (int c = 0; c < 0x80; ++c) {
    const std::string value(1, static_cast<char>(c));
    ::testing::internal::CaptureStderr();
    Info("x", {{"value", value}});
    EXPECT_EQ(nlohmann::json::parse(
                  ::testing::internal::GetCapturedStderr())["value"],
              value);
  }
}

TEST_F(LogTest, LeavesOutWhatIsEmpty) {
  ::testing::internal::CaptureStderr();
  Info("x", {{"cause", ""}, {"count", 0}});
  const auto line =
      nlohmann::json::parse(::testing::internal::GetCapturedStderr());

  EXPECT_FALSE(line.contains("cause"));
  EXPECT_TRUE(line.contains("count"));
}

TEST_F(LogTest, DropsWhatIsBelowItsLevel) {
  ::testing::internal::CaptureStderr();
  Debug("quiet");
  Warning("loud");
  const std::string text = ::testing::internal::GetCapturedStderr();

  EXPECT_THAT(text, ::testing::Not(::testing::HasSubstr("quiet")));
  EXPECT_THAT(text, ::testing::HasSubstr("loud"));
}

TEST_F(LogTest, LinesOfManyThreadsDoNotMix) {
  ::testing::internal::CaptureStderr();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([t] {
      for (int i = 0; i < 200; ++i) {
        Info(std::string(200, static_cast<char>('a' + t)), {{"i", i}});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  const std::string text = ::testing::internal::GetCapturedStderr();

  int lines = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const auto parsed = nlohmann::json::parse(std::string(line));
    const std::string message = parsed["message"];
    EXPECT_EQ(message, std::string(200, message[0]));
    ++lines;
  }
  EXPECT_EQ(lines, 800);
}

TEST_F(LogTest, KnowsItsLevels) {
  Level level = Level::kInfo;
  EXPECT_TRUE(ParseLevel("error", &level));
  EXPECT_EQ(level, Level::kError);
  EXPECT_FALSE(ParseLevel("ERROR", &level));
  EXPECT_FALSE(ParseLevel("", &level));
  EXPECT_EQ(AggregateKey(), "thing_id");
}

}  // namespace
}  // namespace platform::log
