#include "mypage/adapters/watch_state.h"

#include <utility>

#include "absl/container/flat_hash_set.h"

namespace mypage {

WatchState::WatchState(size_t limit, std::vector<MypageView> views)
    : limit_(limit) {
  rows_.reserve(views.size());
  for (MypageView& view : views) {
    rows_.push_back({std::move(view), generation_});
  }
}

WatchState::WatchState(const WatchState& before, std::vector<MypageView> views)
    : limit_(before.limit_),
      generation_(before.generation_),
      forgot_(before.forgot_) {
  const uint64_t next = generation_ + 1;
  absl::flat_hash_map<std::string, const Row*> known;
  for (const Row& row : before.rows_) known[row.view.order_id()] = &row;
  rows_.reserve(views.size());
  for (MypageView& view : views) {
    const auto found = known.find(view.order_id());
    const bool same = found != known.end() && found->second->view == view;
    rows_.push_back({std::move(view), same ? found->second->changed : next});
    if (!same) generation_ = next;
    if (found != known.end()) known.erase(found);
  }
  // The rest was pushed out by newer ones, or is gone.
  for (const auto& [order_id, row] : known) {
    if (Covers(order_id)) generation_ = forgot_ = next;
  }
}

bool WatchState::Covers(const std::string& order_id) const {
  return rows_.size() < limit_ || order_id > rows_.back().view.order_id();
}

WatchState::Changes WatchState::Since(uint64_t generation) const {
  Changes changes;
  changes.complete = generation < forgot_;
  for (const Row& row : rows_) {
    if (changes.complete || row.changed > generation) {
      changes.views.push_back(&row.view);
    }
  }
  return changes;
}

WatchState::Changes WatchState::For(const Versions& have) const {
  absl::flat_hash_set<absl::string_view> here;
  for (const Row& row : rows_) here.insert(row.view.order_id());
  for (const auto& [order_id, version] : have) {
    if (!here.contains(order_id) && Covers(order_id)) return Since(0);
  }
  Changes changes;
  for (const Row& row : rows_) {
    const auto found = have.find(row.view.order_id());
    if (found == have.end() || found->second != row.view.version()) {
      changes.views.push_back(&row.view);
    }
  }
  return changes;
}

}  // namespace mypage
