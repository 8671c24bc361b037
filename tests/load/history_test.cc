#include "tests/load/history.h"

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "nlohmann/json.hpp"

#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace load {
namespace {

using ::test_support::IsOk;

TEST(HistoryTest, IsOneLineForEachAnswer) {
  const test_support::TempDir dir;
  const std::string path = dir.path() + "/history";
  auto history = History::Open(path);
  ASSERT_THAT(history.status(), IsOk());
  (*history)->Add({.op = "place",
                   .intended = absl::FromUnixMicros(1),
                   .sent = absl::FromUnixMicros(2),
                   .ended = absl::FromUnixMicros(3),
                   .key = "k",
                   .customer = 4,
                   .code = "RESOURCE_EXHAUSTED",
                   .reason = "OVERLOADED",
                   .retry_after = true});
  (*history)->Add({.op = "get", .order_id = "o", .code = "OK"});

  ASSERT_THAT((*history)->Close(), IsOk());

  std::ifstream file(path);
  std::string line;
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(nlohmann::json::parse(line),
            nlohmann::json({{"op", "place"},
                            {"i", 1},
                            {"s", 2},
                            {"e", 3},
                            {"code", "RESOURCE_EXHAUSTED"},
                            {"key", "k"},
                            {"c", 4},
                            {"reason", "OVERLOADED"},
                            {"retry", true}}));
  ASSERT_TRUE(std::getline(file, line));
  EXPECT_EQ(nlohmann::json::parse(line)["o"], "o");
  EXPECT_FALSE(std::getline(file, line));
}

}  // namespace
}  // namespace load
