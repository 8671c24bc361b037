#include "mypage/app/use_cases.h"

#include <string>
#include <utility>
#include <vector>

#include "absl/container/btree_map.h"
#include "absl/functional/function_ref.h"

#include "platform/planted/planted.h"

namespace mypage {
namespace {

// By order id: the order in which everybody inserts and locks.
using ViewsById = absl::btree_map<std::string, MypageView>;

// Stores `news` where there is no view yet. Where there is one, `join`s the two
// and stores what changed.
absl::Status Join(
    MypageStore& store, const ViewsById& news,
    absl::FunctionRef<bool(MypageView& stored, const MypageView& heard)> join) {
  std::vector<std::string> ids;
  ids.reserve(news.size());
  for (const auto& [id, view] : news) ids.push_back(id);
  // Few are new: of the events about an order the first alone adds its view.
  const auto known = store.Known(ids);
  if (!known.ok()) return known.status();
  std::vector<const MypageView*> candidates;
  for (const auto& [id, view] : news) {
    if (!known->contains(id)) candidates.push_back(&view);
  }
  if (!candidates.empty()) {
    const auto inserted = store.Insert(candidates);
    if (!inserted.ok()) return inserted.status();
    std::erase_if(
        ids, [&](const std::string& id) { return inserted->contains(id); });
  }
  if (ids.empty()) return absl::OkStatus();
  auto stored = store.Load(ids);
  if (!stored.ok()) return stored.status();
  std::vector<MypageView> changed;
  for (MypageView& view : *stored) {
    if (join(view, news.at(view.order_id())))
      changed.push_back(std::move(view));
  }
  return changed.empty() ? absl::OkStatus() : store.Update(changed);
}

}  // namespace

absl::Status ApplyEvents(MypageStore& store, absl::Span<const Heard> events) {
  ViewsById news;
  for (const Heard& heard : events) {
    news.try_emplace(heard.order_id, heard.order_id)
        .first->second.Apply(heard.header, heard.entry);
  }
  if (news.empty()) return absl::OkStatus();
  return Join(store, news, [](MypageView& stored, const MypageView& heard) {
    if (platform::planted::Is("arrival_order_wins") &&
        heard.modified() < stored.modified()) {
      return false;
    }
    return stored.Absorb(heard);
  });
}

absl::Status KeepEntries(MypageStore& store,
                         absl::Span<const MypageView> older) {
  ViewsById views;
  for (const MypageView& view : older) views.try_emplace(view.order_id(), view);
  if (views.empty()) return absl::OkStatus();
  return Join(store, views, [](MypageView& stored, const MypageView& heard) {
    return stored.KeepFrom(heard);
  });
}

}  // namespace mypage
