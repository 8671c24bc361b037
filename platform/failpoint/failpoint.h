// Named places where a test makes things go wrong: at every boundary between a
// commit, a publish, an acknowledgement and a call.
//
//   failpoint::Point before_mark("relay.before_mark");  // at namespace scope
//   …
//   if (absl::Status s = before_mark.Hit(); !s.ok()) return s;
//
// Nothing happens there, at the price of one relaxed load, until a point is
// armed: by --failpoints at start, or while it runs, if --failpoint_control
// allows it, by a POST to /failpoints on the metrics port (docs/operations.md).
// Thread-safe.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

#include "platform/metrics/metrics.h"

namespace platform::failpoint {

// What an armed point does.
struct Action {
  enum class Kind { kNone, kError, kDelay, kCrash, kDrop, kDuplicate, kHold };
  Kind kind = Kind::kNone;
  absl::StatusCode code = absl::StatusCode::kOk;  // of kError
  absl::Duration duration{};                      // of kDelay and kHold
};

// A place. Lives for ever: declare it at namespace scope, once for each name.
class Point {
 public:
  enum class Kind {
    kStep,   // a step in the code: error, delay, crash
    kInput,  // where messages come in: drop, duplicate, hold too
  };
  explicit Point(const char* name, Kind kind = Kind::kStep);
  Point(const Point&) = delete;
  Point& operator=(const Point&) = delete;

  // Call where it can go wrong. Returns what an `error` asks for, sleeps for a
  // `delay`, does not return from a `crash`.
  absl::Status Hit() {
    if (!armed()) return absl::OkStatus();
    return Perform(Draw());
  }

  // Call once for each message of a kInput: what becomes of it. Like Hit() for
  // a delay or a crash.
  Action Take();

  bool armed() const { return armed_.load(std::memory_order_relaxed); }
  const char* name() const { return name_; }
  Kind kind() const { return kind_; }

 private:
  friend class Points;

  Action Draw() const;
  absl::Status Perform(const Action& action) const;

  const char* const name_;
  const Kind kind_;
  std::atomic<bool> armed_ = false;
};

// Arms the points that `spec` names, all or none. A point that was armed before
// starts anew; others stay as they are.
//
//   spec     point=action[@when]…, several separated by `;`
//   action   crash          ends the process as kill -9 does
//            error(CODE)    fails with that canonical code
//            delay(200ms)   waits
//            off            disarms
//            drop           of an input only: the message is lost on its way
//            duplicate      …: it comes now, and again up to a second later
//            hold(500ms)    …: it comes later, by up to so much (at most 20 s)
//   when     nth:3          at the third hit only; without `when`, at each
//            p:0.1          at each hit with this probability
//            seed:7         … drawn from this seed; 1 unless said
//            times:5        not more often than that
//
// e.g. "relay.before_mark=crash@nth:3;consumer.input=hold(2s)@p:0.3@seed:42".
// Fails with `INVALID_ARGUMENT` if it cannot be read or there is no such point
// in this program.
absl::Status Arm(absl::string_view spec);

// Disarms every point.
void DisarmAll();

// One line for each point of this program, by name: the name, what it is armed
// with or "off", how often it was hit while armed, and how often it acted.
std::string List();

// For metrics::Page: GET /failpoints lists, POST arms what the body says,
// DELETE disarms all. None unless `allowed`.
std::vector<metrics::Page::Route> ControlRoutes(bool allowed);

}  // namespace platform::failpoint
