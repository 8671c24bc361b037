// Whole lives of orders, as the publishers put them on the wire, and the
// database that they go into.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"

#include "mypage/adapters/change_notice.h"
#include "mypage/domain/mypage_view.h"
#include "platform/events/jetstream.h"
#include "platform/events/message.h"
#include "platform/pg/pool.h"

namespace mypage {

inline const absl::Time kNoon = absl::FromUnixSeconds(1783166400);

// An id for the `n`th order; sorts by `n`.
std::string OrderId(int n);

// All events of one order, in the order they happened.
//   kind  0 cooked and delivered · 1 stock was short · 2 cancelled ·
//         3 a cancel is refused · 4 a tombstone · 5 only just ordered
std::vector<platform::events::Message> Life(const std::string& order_id,
                                            int kind, int32_t customer_id = 7);
inline constexpr int kKinds = 6;

// The lives of the orders `from` to `to` - 1, of all kinds in turn.
std::vector<platform::events::Message> Lives(int from, int to);

// "ORDER", "COOK" or "DELIVERY".
std::string StreamOf(const platform::events::Message& message);

// The handler of its publisher.
platform::events::Handler HandlerOf(const std::string& stream);

// As it is published; `id` is the message id (the event's own if empty).
platform::events::OutMessage ToWire(const platform::events::Message& message,
                                    const std::string& id = "");

// Every statement of the service.
void Prepare(pqxx::connection& connection);

// Applies through the inbox, in batches of up to `batch` that come from one
// stream, as consumers do.
absl::Status Apply(platform::pg::Pool& pool,
                   const std::vector<platform::events::Message>& messages,
                   size_t batch = 128);

// The whole table as text, row by row, every column.
inline constexpr char kAllRows[] =
    "SELECT coalesce(string_agg(v::text, E'\\n' ORDER BY order_id), '') "
    "FROM mypage_views v";

// Listens for what watchers are told.
class Ear {
 public:
  explicit Ear(const std::string& dsn) : connection_(dsn) {}

  // The payloads that came since it was made or last asked.
  std::vector<std::string> Take() {
    // Notifications come before the answer to a later statement.
    pqxx::nontransaction(connection_).exec("SELECT 1");
    connection_.get_notifs();
    return std::exchange(receiver_.heard, {});
  }

 private:
  struct Receiver final : pqxx::notification_receiver {
    explicit Receiver(pqxx::connection& connection)
        : pqxx::notification_receiver(connection, kChangeChannel) {}
    void operator()(const std::string& payload, int /*pid*/) override {
      heard.push_back(payload);
    }
    std::vector<std::string> heard;
  };

  pqxx::connection connection_;
  Receiver receiver_{connection_};
};

}  // namespace mypage
