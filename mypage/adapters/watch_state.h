// What is watched, as it was read last, and what of it a watcher lacks. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"

#include "mypage/domain/mypage_view.h"

namespace mypage {

// The newest views of a list (or the one view that is watched alone), each with
// the generation of its last change. Generations count the reads that found a
// change, from 1. Immutable.
class WatchState {
 public:
  // The versions of the views that somebody has, by order id.
  using Versions = absl::flat_hash_map<std::string, int32_t>;

  // What somebody lacks.
  struct Changes {
    std::vector<const MypageView*> views;  // newest order first
    // These are all views: whoever has others must forget them.
    bool complete = false;

    bool empty() const { return views.empty() && !complete; }
  };

  // A first read, newest order first, of a list that holds `limit` views at
  // most.
  WatchState(size_t limit, std::vector<MypageView> views);
  // A later read.
  WatchState(const WatchState& before, std::vector<MypageView> views);

  uint64_t generation() const { return generation_; }
  size_t size() const { return rows_.size(); }
  const MypageView& view(size_t i) const { return rows_[i].view; }

  // What is new since `generation`; since 0, everything.
  Changes Since(uint64_t generation) const;
  // What somebody with these views lacks.
  Changes For(const Versions& have) const;

 private:
  struct Row {
    MypageView view;
    uint64_t changed = 0;  // the generation
  };

  // True if a view of this order would be in the list.
  bool Covers(const std::string& order_id) const;

  size_t limit_;
  uint64_t generation_ = 1;
  uint64_t forgot_ = 1;    // the generation in which a view was gone
  std::vector<Row> rows_;  // by order id, descending
};

}  // namespace mypage
