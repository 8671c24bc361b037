// Orders in memory.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "order/app/order_store.h"

namespace order {

class FakeOrderStore final : public OrderStore {
 public:
  void Put(const OrderState& state) { orders_[state.id] = state; }
  const OrderState& At(const std::string& id) { return orders_.at(id); }
  // What was said, in order.
  const std::vector<Fact>& facts() const { return facts_; }
  int saves() const { return saves_; }
  void FailLoads(absl::Status status) { load_status_ = std::move(status); }
  void FailSaves(absl::Status status) { save_status_ = std::move(status); }

  absl::StatusOr<std::vector<Order>> Load(
      absl::Span<const std::string> ids) override {
    if (!load_status_.ok()) return load_status_;
    std::map<std::string, Order> found;
    for (const std::string& id : ids) {
      if (auto it = orders_.find(id); it != orders_.end()) {
        found.emplace(id, Order::Restore(it->second));
      }
    }
    std::vector<Order> orders;
    for (auto& [id, order] : found) orders.push_back(std::move(order));
    return orders;
  }

  absl::Status Save(absl::Span<const Order> orders) override {
    if (!save_status_.ok()) return save_status_;
    ++saves_;
    for (const Order& order : orders) {
      orders_[order.state().id] = order.state();
      facts_.insert(facts_.end(), order.facts().begin(), order.facts().end());
    }
    return absl::OkStatus();
  }

 private:
  std::map<std::string, OrderState> orders_;
  std::vector<Fact> facts_;
  int saves_ = 0;
  absl::Status load_status_;
  absl::Status save_status_;
};

}  // namespace order
