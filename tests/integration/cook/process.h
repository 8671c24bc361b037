// One process of cook, without its wires: connections of its own, the real
// handler and the real use cases.
#pragma once

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"

#include "cook/app/use_cases.h"
#include "cook/domain/stock.h"
#include "cook/domain/ticket.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace cook {

inline constexpr Item kBibimbap{.restaurant_id = 1, .restaurant_menu_id = 1};
inline constexpr Item kMandu{.restaurant_id = 1, .restaurant_menu_id = 2};

// A new order of `qty` portions.
OrderDetails NewOrder(int32_t qty, Item item = kBibimbap);
// The event that says so, with a new event id.
platform::events::Message Ordered(const OrderDetails& order);

// The connections of one process of cook to the database at `dsn`.
platform::pg::PoolOptions KitchenPool(const std::string& dsn, int connections);

class Process {
 public:
  explicit Process(const std::string& dsn, int connections = 2)
      : pool_(KitchenPool(dsn, connections)) {}

  // Applies events through the inbox, as the consumer does.
  absl::Status Apply(absl::Span<const platform::events::Message> messages);
  // Tells of orders, all in one batch.
  absl::Status Hear(absl::Span<const OrderDetails> orders);
  absl::StatusOr<Ticket> Cancel(const OrderDetails& order,
                                bool from_order_service = true);
  absl::StatusOr<Ticket> Finish(const std::string& order_id);
  absl::StatusOr<Stock> SetOnHand(const Item& item, int32_t on_hand);

  platform::pg::Pool& pool() { return pool_; }

 private:
  platform::pg::Pool pool_;
};

}  // namespace cook
