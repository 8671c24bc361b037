// The golden files themselves: complete, consistent, and never changed.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "google/protobuf/text_format.h"
#include "google/protobuf/unknown_field_set.h"
#include "google/protobuf/util/message_differencer.h"

#include "platform/events/wire.h"
#include "tests/contract/golden.h"
#include "tests/support/process.h"
#include "tests/support/status_matchers.h"

namespace contract {
namespace {

namespace pb = ::google::protobuf;
using ::test_support::IsOk;
using ::testing::Contains;
using ::testing::ElementsAreArray;

constexpr char kManifest[] = "MANIFEST.sha256";

TEST(GoldenFilesTest, NoneWasChangedOrRemoved) {
  const test_support::Finished checked = test_support::RunProgram(
      {.command = {"sh", "-c",
                   absl::StrCat("cd '", kGoldenDir,
                                "' && sha256sum --check --strict --quiet ",
                                kManifest)}},
      absl::Seconds(30));

  EXPECT_EQ(checked.exit_code, 0)
      << "Golden events are what other versions of us have said or will read.\n"
         "They are only ever added: tests/contract/README.md\n"
      << checked.output;
}

TEST(GoldenFilesTest, AllAreInTheManifest) {
  const std::string manifest =
      test_support::ReadFile(absl::StrCat(kGoldenDir, "/", kManifest));
  std::set<std::string> listed;
  for (const absl::string_view line :
       absl::StrSplit(manifest, '\n', absl::SkipEmpty())) {
    listed.insert(std::string(line.substr(line.find("  ") + 2)));
  }
  std::set<std::string> found;
  for (const auto& entry :
       std::filesystem::recursive_directory_iterator(kGoldenDir)) {
    const std::string name =
        std::filesystem::relative(entry.path(), kGoldenDir).string();
    if (entry.is_regular_file() && name != kManifest) found.insert(name);
  }

  EXPECT_THAT(found, ElementsAreArray(listed));
}

TEST(GoldenFilesTest, EveryEventHasOne) {
  std::set<std::string> types;
  for (const Golden& golden : AllGoldens()) types.insert(golden.type);

  for (const std::string& event : AllEvents()) {
    EXPECT_THAT(types, Contains(event)) << "add one: tests/contract/README.md";
  }
}

class GoldenTest : public ::testing::TestWithParam<Golden> {};

// Today's protos still have the type and read both forms alike, with nothing
// left over.
TEST_P(GoldenTest, TextAndBytesSayTheSame) {
  const Golden& golden = GetParam();
  const auto text = NewMessage(golden.type);
  const auto bytes = NewMessage(golden.type);
  ASSERT_NE(text, nullptr) << golden.type << " is gone";

  ASSERT_TRUE(pb::TextFormat::ParseFromString(golden.text, text.get()));
  ASSERT_TRUE(bytes->ParseFromString(golden.wire.payload));

  EXPECT_TRUE(pb::util::MessageDifferencer::Equals(*text, *bytes))
      << text->DebugString() << "\nis not\n"
      << bytes->DebugString();
  pb::Message* const snapshot = SnapshotIn(bytes.get());
  EXPECT_TRUE(bytes->GetReflection()->GetUnknownFields(*bytes).empty());
  EXPECT_TRUE(snapshot->GetReflection()->GetUnknownFields(*snapshot).empty());
}

TEST_P(GoldenTest, HeadersCanBeRead) {
  const Golden& golden = GetParam();
  const auto message = platform::events::ParseMessage(golden.wire);
  ASSERT_THAT(message, IsOk());

  EXPECT_EQ(message->event_id, HeaderOf(golden, "ce-id"));
  EXPECT_EQ(message->type, golden.type);
  EXPECT_EQ(message->source, HeaderOf(golden, "ce-source"));
  EXPECT_EQ(message->aggregate_id, HeaderOf(golden, "ce-subject"));
  EXPECT_EQ(absl::StrCat(message->version),
            HeaderOf(golden, "ce-aggregateversion"));
  EXPECT_EQ(message->traceparent, HeaderOf(golden, "traceparent"));
  EXPECT_EQ(absl::FormatTime("%E4Y-%m-%dT%H:%M:%E6SZ", message->time,
                             absl::UTCTimeZone()),
            HeaderOf(golden, "ce-time"));
}

INSTANTIATE_TEST_SUITE_P(All, GoldenTest, ::testing::ValuesIn(AllGoldens()),
                         [](const auto& p) { return TestName(p.param.name); });

}  // namespace

}  // namespace contract
