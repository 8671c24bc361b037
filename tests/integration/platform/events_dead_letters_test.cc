// What an operator does with parked events.
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

#include "platform/events/commands.h"
#include "platform/events/dead_letters.h"
#include "tests/integration/platform/events_in_fixture.h"
#include "tests/support/eventually.h"
#include "tests/support/status_matchers.h"

namespace platform::events {
namespace {

using ::test_support::Eventually;
using ::test_support::Fails;
using ::test_support::IsOk;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

class DeadLettersTest : public EventsInTest {
 protected:
  // Runs the command; what it printed is in `printed_`, by lines.
  absl::Status Run(const std::vector<std::string>& args) {
    testing::internal::CaptureStdout();
    const absl::Status status =
        DeadLettersCommand(pool_,
                           {{.stream = "TEST",
                             .durable = "worker",
                             .handler = effects_.handler()}},
                           args);
    printed_ = absl::StrSplit(testing::internal::GetCapturedStdout(), '\n',
                              absl::SkipEmpty());
    return status;
  }

  // Lets a consumer park all of these.
  void Park(const std::vector<OutMessage>& messages) {
    PublishMessages(messages);
    const auto consumer = Consume(1);
    ExpectSettled();
    EXPECT_EQ(Count("dead_letters"), static_cast<int>(messages.size()));
  }

  std::vector<std::string> printed_;
};

TEST_F(DeadLettersTest, ListsOnePerLine) {
  Park({AnEvent("poison", AnId(1)), AnEvent("poison", AnId(2))});
  db_->Exec(
      "UPDATE dead_letters SET reason = E'two\\nlines\\tand a tab'"
      " WHERE event_id = '" +
      AnId(2) + "'");
  ASSERT_THAT(Run({"list"}), IsOk());
  ASSERT_THAT(printed_, SizeIs(3));
  EXPECT_EQ(printed_[0],
            "event_id\tsubject\tdurable\tstream\tsequence\tparked_at\treason");
  const std::vector<std::string> cells = absl::StrSplit(printed_[1], '\t');
  ASSERT_THAT(cells, SizeIs(7));
  EXPECT_EQ(cells[0], AnId(1));
  EXPECT_EQ(cells[1], "test.happened");
  EXPECT_EQ(cells[4], "1");
  EXPECT_EQ(cells[6], "it is poison");
  EXPECT_THAT(printed_[2], HasSubstr("two lines and a tab"));
}

TEST_F(DeadLettersTest, RedrivesOnceTheCauseIsGone) {
  Park({AnEvent("early", AnId(1))});
  EXPECT_FALSE(Run({"redrive", "all"}).ok());
  EXPECT_THAT(printed_, ElementsAre(HasSubstr("not yet")));
  EXPECT_EQ(Count("dead_letters WHERE redriven_at IS NULL"), 1);
  EXPECT_EQ(Count("effects"), 0);

  effects_.let_early_in = true;
  EXPECT_THAT(Run({"redrive", AnId(1)}), IsOk());
  EXPECT_THAT(printed_, ElementsAre(AnId(1) + "\ttest.happened\tapplied"));
  ExpectEffects(1);
  EXPECT_EQ(Count("dead_letters WHERE redriven_at IS NULL"), 0);
  EXPECT_EQ(Count("attempts"), 0);
  ASSERT_THAT(Run({"list"}), IsOk());
  EXPECT_THAT(printed_, SizeIs(1));

  // Again: nothing is left to do, or it is said that there is nothing.
  EXPECT_THAT(Run({"redrive", "--all"}), IsOk());
  EXPECT_THAT(Run({"redrive", AnId(1)}), Fails(absl::StatusCode::kNotFound));
  // Even if the note that it was redriven was lost.
  db_->Exec("UPDATE dead_letters SET redriven_at = NULL");
  EXPECT_THAT(Run({"redrive", "all"}), IsOk());
  ExpectEffects(1);
}

TEST_F(DeadLettersTest, AFailureKeepsThatOneAndNotTheOthers) {
  Park({AnEvent("poison", AnId(1)), AnEvent("early", AnId(2)),
        AnEvent("throw", AnId(3))});
  effects_.let_early_in = true;
  EXPECT_FALSE(Run({"redrive", "all"}).ok());
  ASSERT_THAT(printed_, SizeIs(3));
  ExpectEffects(1);
  EXPECT_EQ(Count("dead_letters WHERE redriven_at IS NULL"), 2);
}

TEST_F(DeadLettersTest, AnIdIsFoundAsItWasWritten) {
  const std::string upper = "ABCDEF00-0000-7000-8000-000000000001";
  Park({AnEvent("early", upper)});
  effects_.let_early_in = true;
  EXPECT_THAT(Run({"redrive", upper}), IsOk());
  EXPECT_EQ(Count("dead_letters WHERE redriven_at IS NULL"), 0);
  ExpectEffects(1);
}

TEST_F(DeadLettersTest, WhatIsMalformedStaysAndSaysWhy) {
  OutMessage bare;
  bare.subject = "test.bare";
  Park({bare});
  EXPECT_FALSE(Run({"redrive", "all"}).ok());
  EXPECT_THAT(printed_, ElementsAre(HasSubstr("ce-id is no UUID")));
  EXPECT_EQ(Count("dead_letters WHERE redriven_at IS NULL"), 1);
}

TEST_F(DeadLettersTest, AWrongWordIsAUsageError) {
  for (const std::vector<std::string>& args :
       {std::vector<std::string>{}, {"lst"}, {"list", "more"}, {"redrive"}}) {
    EXPECT_THAT(Run(args), Fails(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_THAT(Run({"redrive", "nobody"}), Fails(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace platform::events
