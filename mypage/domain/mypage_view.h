// What a customer sees of one order: a set of events, by their ids, and what
// follows from it. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace mypage {

// Who said it. The order breaks ties in the timeline.
enum class Source { kOrder, kCook, kDelivery };

// "order", "cook" or "delivery", and back.
absl::string_view Name(Source source);
std::optional<Source> ParseSource(absl::string_view name);

// What every event of an order repeats. 0 means that nobody has told yet.
struct Header {
  int32_t customer_id = 0;
  int32_t restaurant_id = 0;
  int32_t restaurant_menu_id = 0;
  int32_t qty = 0;
  std::optional<absl::Time> created;  // told by the order only

  friend bool operator==(const Header&, const Header&) = default;
};

// One event, as the timeline keeps it.
struct Entry {
  std::string event_id;  // a UUID in lower case
  Source source = Source::kOrder;
  int32_t version = 0;  // of the source's aggregate after the event, > 0
  // The number of the source's status after the event, which may be one that
  // this program does not know yet.
  int32_t state = 0;
  std::string status;  // as the timeline words it, e.g. COOK_CANCELLED
  absl::Time at;       // whole microseconds
  std::string by;
  std::string reason;

  friend bool operator==(const Entry&, const Entry&) = default;
};

// An event that was heard about an order.
struct Heard {
  std::string order_id;
  Header header;
  Entry entry;
};

// The view of one order.
//
// A union of sets: events may come in any order and any number of times, the
// view is the same. Two entries with one event id are the same event. Not
// thread-safe.
class MypageView {
 public:
  // Where a source is: the state of its highest version. Zeros before it was
  // heard.
  struct Part {
    int32_t state = 0;
    int32_t version = 0;
    friend bool operator==(const Part&, const Part&) = default;
  };

  // Nothing heard yet.
  explicit MypageView(std::string order_id);
  // Rebuilds a view from storage.
  static MypageView Restore(std::string order_id, Header header,
                            std::vector<Entry> timeline);

  // Adds an event; one with a known id takes the place of the old reading. Each
  // of these returns true if anything changed.
  bool Apply(const Header& header, const Entry& entry);
  // Adds all that `heard`, a view of the same order, is made of.
  bool Absorb(const MypageView& heard);
  // Adds only what this view lacks of `older`: what both have stays as this
  // view has it.
  bool KeepFrom(const MypageView& older);

  const std::string& order_id() const { return order_id_; }
  const Header& header() const { return header_; }
  // By time, then by source and version.
  const std::vector<Entry>& timeline() const { return timeline_; }
  Part part(Source source) const;
  // How many events the view is made of.
  int32_t version() const { return static_cast<int32_t>(timeline_.size()); }
  // The time of the latest entry; InfinitePast if there is none.
  absl::Time modified() const;

  friend bool operator==(const MypageView&, const MypageView&) = default;

 private:
  // The entry with this id, or the end.
  std::vector<Entry>::iterator Find(absl::string_view event_id);
  void Insert(const Entry& entry);

  std::string order_id_;
  Header header_;
  std::vector<Entry> timeline_;  // sorted, one entry per event id
};

}  // namespace mypage
