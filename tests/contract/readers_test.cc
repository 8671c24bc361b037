// Every service can read what every other one says, said or will say.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "google/protobuf/unknown_field_set.h"

#include "platform/events/provisioner.h"
#include "tests/contract/golden.h"
#include "tests/contract/services.h"
#include "tests/support/status_matchers.h"

namespace contract {

// A golden event, and one who hears it.
struct Heard {
  Golden golden;
  const Reader* reader;
};
void PrintTo(const Heard& heard, std::ostream* out) {
  *out << heard.golden.name << " by " << heard.reader->service;
}

namespace {

namespace pb = ::google::protobuf;
using ::test_support::Fails;
using ::test_support::IsOk;

std::vector<Heard> AllHeard() {
  std::vector<Heard> all;
  for (const Golden& golden : AllGoldens()) {
    for (const Reader& reader : AllReaders()) {
      if (Hears(reader, golden.wire.subject)) all.push_back({golden, &reader});
    }
  }
  return all;
}

int StatusNumber(pb::Message* event) {
  pb::Message* const snapshot = SnapshotIn(event);
  const pb::FieldDescriptor* status =
      snapshot->GetDescriptor()->FindFieldByName("status");
  return snapshot->GetReflection()->GetEnumValue(*snapshot, status);
}

// What a service is to know after it heard `golden`: what its given order
// (7's: two of item 12 at restaurant 3; ten are on hand) has become.
std::string Expected(const Reader& reader, const Golden& golden) {
  if (reader.service == "cook") return "3 12 7 2 COOKING 8";
  if (reader.service == "delivery") return "3 12 7 2 STARTED";
  if (reader.service == "mypage") {
    const int status = StatusNumber(Parse(golden).get());
    const auto part = [&](absl::string_view stream) {
      return reader.stream == stream ? status : 0;
    };
    return absl::StrCat("3 12 7 2 ", part("ORDER"), " ", part("COOK"), " ",
                        part("DELIVERY"), " version 1");
  }
  static const auto* const orders = new std::map<std::string, std::string>{
      {"restaurant.cook.v1.CookQtyChecked/v1_quantity_over",
       "REJECTED 2 QUANTITY_OVER"},
      {"restaurant.cook.v1.CookQtyChecked/v1_sold_out",
       "REJECTED 2 QUANTITY_OVER"},
      {"restaurant.cook.v1.CookCancelled/v1_by_customer",
       "CANCELLED 2 마음이 바뀌었어요"},
      {"restaurant.cook.v1.CookCancelled/v1_by_operator", "CANCELLED 2 "},
      {"restaurant.cook.v1.CookCancelled/v1_tombstone", "CANCELLED 2 too slow"},
      {"restaurant.delivery.v1.Delivered/v1_plain", "COMPLETED 2 "},
  };
  const auto found = orders->find(golden.name);
  return found == orders->end() ? "say here what order makes of it"
                                : found->second;
}

// What a newer publisher adds, everywhere it can.
void AddFromTomorrow(pb::Message* message) {
  pb::UnknownFieldSet* unknown =
      message->GetReflection()->MutableUnknownFields(message);
  unknown->AddVarint(1000, 42);
  unknown->AddLengthDelimited(1001, "a field from tomorrow");
  unknown->AddFixed64(1002, 7);
  unknown->AddGroup(1003)->AddVarint(1, 1);
}

class ReadersTest : public ::testing::TestWithParam<Heard> {
 protected:
  static void TearDownTestSuite() { databases_.clear(); }

  ReadersTest() {
    auto& database = databases_[reader().service + reader().stream];
    if (database == nullptr) {
      database = std::make_unique<ServiceDatabase>(reader());
    }
    database_ = database.get();
    database_->Reset(order_id());
  }

  static const Golden& golden() { return GetParam().golden; }
  static const Reader& reader() { return *GetParam().reader; }
  static std::string order_id() { return HeaderOf(golden(), "ce-subject"); }
  std::string Outcome() const { return database_->Outcome(order_id()); }

  inline static std::map<std::string, std::unique_ptr<ServiceDatabase>>
      databases_;
  ServiceDatabase* database_;
};

TEST_P(ReadersTest, ReadIt) {
  EXPECT_THAT(database_->Deliver(golden().wire), IsOk());

  EXPECT_EQ(Outcome(), Expected(reader(), golden()));
}

// Fields and headers are only ever added: whoever does not know them reads what
// it did before.
TEST_P(ReadersTest, ReadItsNewerForm) {
  const auto event = Parse(golden());
  AddFromTomorrow(event.get());
  AddFromTomorrow(SnapshotIn(event.get()));
  platform::events::InMessage wire = golden().wire;
  wire.payload = event->SerializeAsString();
  ASSERT_GT(wire.payload.size(), golden().wire.payload.size() + 60);
  wire.headers.emplace_back("ce-dataschema", "https://example.com/tomorrow");

  EXPECT_THAT(database_->Deliver(wire), IsOk());

  EXPECT_EQ(Outcome(), Expected(reader(), golden()));
}

// A status that this program has never heard of is a number it can keep.
TEST_P(ReadersTest, ReadAStatusFromTomorrow) {
  const auto event = Parse(golden());
  pb::Message* const snapshot = SnapshotIn(event.get());
  snapshot->GetReflection()->SetEnumValue(
      snapshot, snapshot->GetDescriptor()->FindFieldByName("status"), 99);
  Golden tomorrow = golden();
  tomorrow.wire.payload = event->SerializeAsString();

  EXPECT_THAT(database_->Deliver(tomorrow.wire), IsOk());

  EXPECT_EQ(Outcome(), Expected(reader(), tomorrow));
}

// Half an event is none: parked, not guessed at.
TEST_P(ReadersTest, RefuseHalfOfIt) {
  platform::events::InMessage wire = golden().wire;
  wire.payload.resize(wire.payload.size() / 2);
  const std::string before = Outcome();

  EXPECT_THAT(database_->Deliver(wire),
              Fails(absl::StatusCode::kInvalidArgument));

  EXPECT_EQ(Outcome(), before);
}

INSTANTIATE_TEST_SUITE_P(All, ReadersTest, ::testing::ValuesIn(AllHeard()),
                         [](const auto& p) {
                           return TestName(
                               absl::StrCat(p.param.golden.name, "_by_",
                                            p.param.reader->service));
                         });

// A publisher may begin to say something new. Who listens to all that it says
// passes over what it does not understand.
TEST(WideReadersTest, PassOverEventsFromTomorrow) {
  for (const Reader& reader : AllReaders()) {
    bool wide = false;
    for (const std::string& filter : FiltersOf(reader)) {
      wide = wide || absl::EndsWith(filter, ">");
    }
    if (!wide) continue;
    SCOPED_TRACE(absl::StrCat(reader.service, " on ", reader.stream));
    ServiceDatabase database(reader);
    for (const Golden& golden : AllGoldens()) {
      if (!Hears(reader, golden.wire.subject)) continue;
      platform::events::InMessage wire = golden.wire;
      for (auto& [name, value] : wire.headers) {
        if (name == "ce-type") value += "FromTomorrow";
      }

      EXPECT_THAT(database.Deliver(wire), IsOk());

      EXPECT_EQ(database.Outcome(HeaderOf(golden, "ce-subject")), "");
    }
  }
}

// Whoever declares a durable is in the list of readers, and every event is
// heard by somebody: else this file would prove nothing about them.
TEST(ReadersListTest, IsComplete) {
  for (const std::string service : {"order", "cook", "delivery", "mypage"}) {
    const auto declared = platform::events::ReadDeclarations(
        {absl::StrCat(SOURCE_DIR, "/", service, "/jetstream.json")});
    ASSERT_THAT(declared, IsOk());
    for (const auto& durable : declared->durables) {
      const bool listed = std::any_of(AllReaders().begin(), AllReaders().end(),
                                      [&](const Reader& reader) {
                                        return reader.service == durable.name &&
                                               reader.stream == durable.stream;
                                      });
      EXPECT_TRUE(listed) << durable.name << " on " << durable.stream;
    }
  }
  for (const Golden& golden : AllGoldens()) {
    const bool heard = std::any_of(AllReaders().begin(), AllReaders().end(),
                                   [&](const Reader& reader) {
                                     return Hears(reader, golden.wire.subject);
                                   });
    EXPECT_TRUE(heard) << golden.name;
  }
}

}  // namespace
}  // namespace contract
