// A DeliveryStore in memory, for unit tests.
#pragma once

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "delivery/app/delivery_store.h"

namespace delivery {

class FakeDeliveryStore final : public DeliveryStore {
 public:
  void Add(absl::Span<const Delivery> deliveries) override {
    for (const Delivery& delivery : deliveries) {
      const bool added =
          rows.try_emplace(delivery.order_id(), delivery.data()).second;
      if (added) facts.emplace_back(delivery.order_id(), *delivery.fact());
    }
  }

  std::optional<Delivery> Lock(absl::string_view order_id) override {
    const auto row = rows.find(std::string(order_id));
    if (row == rows.end()) return std::nullopt;
    return Delivery::Restore(row->second);
  }

  std::vector<Delivery> LockDue(absl::Time started_by, int limit) override {
    std::vector<Delivery> due;
    for (const auto& [id, data] : rows) {
      if (data.status == DeliveryStatus::kStarted &&
          data.created <= started_by) {
        due.push_back(Delivery::Restore(data));
      }
    }
    std::stable_sort(due.begin(), due.end(),
                     [](const Delivery& a, const Delivery& b) {
                       return a.data().created < b.data().created;
                     });
    if (due.size() > static_cast<size_t>(limit)) {
      due.erase(due.begin() + limit, due.end());
    }
    return due;
  }

  absl::Status Save(absl::Span<const Delivery> deliveries) override {
    for (const Delivery& delivery : deliveries) {
      if (!delivery.fact().has_value()) continue;
      DeliveryData& row = rows.at(delivery.order_id());
      if (row.version != delivery.stored_version()) {
        return absl::InternalError("a locked delivery has changed");
      }
      row = delivery.data();
      facts.emplace_back(delivery.order_id(), *delivery.fact());
    }
    return absl::OkStatus();
  }

  std::map<std::string, DeliveryData> rows;
  std::vector<std::pair<std::string, Fact>> facts;
};

}  // namespace delivery
