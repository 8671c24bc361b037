#include "platform/planted/planted.h"

#ifdef PLANTED_BUGS

#include <algorithm>
#include <iterator>
#include <string>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

ABSL_FLAG(std::string, planted_bug, "", "The mistake that this process makes.");

namespace platform::planted {
namespace {

// What each is, is said where it is planted.
constexpr const char* kBugs[] = {
    "arrival_order_wins",  // what comes late is not shown
    "body_ignored",        // order: a key's first answer, whatever the body
    "cancel_told_early",   // order: "cancelled" before cook has decided
    "cancelled_can_be_cooked",   // what was cancelled can be finished
    "consumer_acks_first",       // acknowledged, then committed
    "consumer_swallows_errors",  // what failed is acknowledged
    "event_forgotten",           // cook: some cancels say nothing
    "inbox_skipped",             // applied without being noted
    "no_tombstone",          // cook: a cancel that came first leaves nothing
    "outbox_by_position",    // the relay reads behind the last it has seen
    "pending_forgotten",     // order: nobody asks again for pending cancels
    "reconcile_reuses_ids",  // what is missing is published under its old id
    "relay_marks_first",     // marked, then published
    "relays_skip_locked",    // two relays share the work row by row
    "stock_not_locked",      // cook: read, then written by whoever comes last
    "stock_returned_twice",  // cook: a cancel returns the stock two times
};

}  // namespace

bool Is(absl::string_view bug) {
  static const std::string* const chosen =
      new std::string(absl::GetFlag(FLAGS_planted_bug));
  return *chosen == bug;
}

absl::Status Check() {
  const std::string chosen = absl::GetFlag(FLAGS_planted_bug);
  if (chosen.empty() || std::find(std::begin(kBugs), std::end(kBugs), chosen) !=
                            std::end(kBugs)) {
    return absl::OkStatus();
  }
  return absl::InvalidArgumentError(absl::StrCat(
      "--planted_bug: must be one of ", absl::StrJoin(kBugs, ", ")));
}

}  // namespace platform::planted

#endif  // PLANTED_BUGS
