#include "mypage/domain/mypage_view.h"

#include <algorithm>
#include <tuple>
#include <utility>

namespace mypage {
namespace {

constexpr absl::string_view kNames[] = {"order", "cook", "delivery"};

bool Earlier(const Entry& a, const Entry& b) {
  return std::tie(a.at, a.source, a.version, a.event_id) <
         std::tie(b.at, b.source, b.version, b.event_id);
}

// All events of an order tell the same; some may leave a value out (0). The
// greater one is right then, and does not depend on who came first.
Header Join(const Header& a, const Header& b) {
  return {std::max(a.customer_id, b.customer_id),
          std::max(a.restaurant_id, b.restaurant_id),
          std::max(a.restaurant_menu_id, b.restaurant_menu_id),
          std::max(a.qty, b.qty), std::max(a.created, b.created)};
}

// `a`, and what it leaves out from `b`.
Header Prefer(const Header& a, const Header& b) {
  const auto pick = [](int32_t x, int32_t y) { return x != 0 ? x : y; };
  return {pick(a.customer_id, b.customer_id),
          pick(a.restaurant_id, b.restaurant_id),
          pick(a.restaurant_menu_id, b.restaurant_menu_id), pick(a.qty, b.qty),
          a.created.has_value() ? a.created : b.created};
}

}  // namespace

absl::string_view Name(Source source) {
  return kNames[static_cast<size_t>(source)];
}

std::optional<Source> ParseSource(absl::string_view name) {
  for (Source source : {Source::kOrder, Source::kCook, Source::kDelivery}) {
    if (Name(source) == name) return source;
  }
  return std::nullopt;
}

MypageView::MypageView(std::string order_id) : order_id_(std::move(order_id)) {}

MypageView MypageView::Restore(std::string order_id, Header header,
                               std::vector<Entry> timeline) {
  MypageView view(std::move(order_id));
  view.header_ = header;
  view.timeline_ = std::move(timeline);
  std::sort(view.timeline_.begin(), view.timeline_.end(), Earlier);
  return view;
}

bool MypageView::Apply(const Header& header, const Entry& entry) {
  const Header joined = Join(header_, header);
  bool changed = joined != header_;
  header_ = joined;
  const auto known = Find(entry.event_id);
  if (known != timeline_.end()) {
    if (*known == entry) return changed;
    timeline_.erase(known);
  }
  Insert(entry);
  return true;
}

bool MypageView::Absorb(const MypageView& heard) {
  bool changed = false;
  for (const Entry& entry : heard.timeline_) {
    if (Apply(heard.header_, entry)) changed = true;
  }
  return changed;
}

bool MypageView::KeepFrom(const MypageView& older) {
  const Header joined = Prefer(header_, older.header_);
  bool changed = joined != header_;
  header_ = joined;
  for (const Entry& entry : older.timeline_) {
    if (Find(entry.event_id) != timeline_.end()) continue;
    Insert(entry);
    changed = true;
  }
  return changed;
}

MypageView::Part MypageView::part(Source source) const {
  Part part;
  for (const Entry& entry : timeline_) {
    if (entry.source == source && entry.version > part.version) {
      part = {entry.state, entry.version};
    }
  }
  return part;
}

absl::Time MypageView::modified() const {
  return timeline_.empty() ? absl::InfinitePast() : timeline_.back().at;
}

std::vector<Entry>::iterator MypageView::Find(absl::string_view event_id) {
  return std::find_if(
      timeline_.begin(), timeline_.end(),
      [&](const Entry& entry) { return entry.event_id == event_id; });
}

void MypageView::Insert(const Entry& entry) {
  timeline_.insert(
      std::upper_bound(timeline_.begin(), timeline_.end(), entry, Earlier),
      entry);
}

}  // namespace mypage
