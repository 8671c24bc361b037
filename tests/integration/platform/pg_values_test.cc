// What goes in comes out: array literals and times, through a real server.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/pg/array.h"
#include "platform/pg/pool.h"
#include "platform/pg/time.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"

namespace platform::pg {
namespace {

using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::ElementsAreArray;

class PgArrayTest : public ::testing::Test {
 protected:
  // Sends `array` as a parameter; the values that `sql` makes of it.
  template <typename T>
  absl::Status RoundTrip(const std::string& sql, const Array& array,
                         std::vector<T>& values) {
    return pool_.Read([&](pqxx::nontransaction& tx) {
      for (const auto& row : tx.exec_params(sql, array.text())) {
        values.push_back(row[0].template as<T>());
      }
      return absl::OkStatus();
    });
  }

  test_support::TestDatabase db_;
  Pool pool_{{.dsn = db_.dsn(), .connections = 1, .prepare = nullptr}};
};

TEST_F(PgArrayTest, TextIsExact) {
  std::vector<std::string> texts = {
      "",  "NULL", "null",   "a,b",    "{a}",    "\"", "\\",      "\\\"",
      "'", "; --", " both ", "\n\t\r", "한국어", "🍜",  "\x01\x7f"};
  for (char c = 1; c < 127; ++c) texts.emplace_back(3, c);
  Array array;
  for (const std::string& text : texts) array.Add(text);

  std::vector<std::string> back;
  ASSERT_THAT(RoundTrip("SELECT unnest($1::text[])", array, back), IsOk());

  EXPECT_THAT(back, ElementsAreArray(texts));
}

TEST_F(PgArrayTest, BytesAreExact) {
  std::string all;
  for (int c = 0; c < 256; ++c) all += static_cast<char>(c);
  Array array;
  array.AddBytes(all).AddBytes("");

  std::vector<std::string> back;
  ASSERT_THAT(
      RoundTrip("SELECT encode(unnest($1::bytea[]), 'hex')", array, back),
      IsOk());

  ASSERT_EQ(back.size(), 2U);
  EXPECT_EQ(back[0].substr(0, 6), "000102");
  EXPECT_EQ(back[0].size(), 512U);
  EXPECT_EQ(back[1], "");
}

TEST_F(PgArrayTest, TimesAreExactToTheMicrosecond) {
  const std::vector<int64_t> micros = {0, 1, -1, 1'700'000'000'123'456,
                                       253'402'300'799'999'999};
  Array array;
  for (const int64_t m : micros) array.AddTime(FromMicros(m));

  std::vector<int64_t> back;
  ASSERT_THAT(
      RoundTrip("SELECT (extract(epoch FROM unnest($1::timestamptz[])) * "
                "1000000)::bigint",
                array, back),
      IsOk());

  EXPECT_THAT(back, ElementsAreArray(micros));
}

// Postgres has no place for a NUL, nor for bytes that are not UTF-8: refused,
// not cut off.
TEST_F(PgArrayTest, TextThatPostgresCannotHoldIsRefused) {
  std::vector<std::string> back;
  for (const absl::string_view text :
       {absl::string_view("a\0b", 3), absl::string_view("\xff\xfe")}) {
    Array array;
    array.Add(text);

    EXPECT_THAT(RoundTrip("SELECT unnest($1::text[])", array, back),
                Fails(absl::StatusCode::kInvalidArgument));
  }
}

}  // namespace
}  // namespace platform::pg
