#include "mypage/adapters/subscriptions.h"

#include "absl/time/time.h"

#include "mypage/adapters/cook_events.h"
#include "mypage/adapters/delivery_events.h"
#include "mypage/adapters/order_events.h"

namespace mypage {
namespace {

constexpr char kDurable[] = "mypage";

}  // namespace

std::vector<platform::events::Subscription> Subscriptions() {
  return {{"ORDER", kDurable, HandleOrderEvents},
          {"COOK", kDurable, HandleCookEvents},
          {"DELIVERY", kDurable, HandleDeliveryEvents}};
}

platform::events::ConsumerOptions OptionsOf(
    const platform::events::Subscription& subscription) {
  // Far behind, it stores many events of an order at once. Its commits notify:
  // they must not wait for the disk (ADR 0020).
  return {.stream = subscription.stream,
          .durable = subscription.durable,
          .max_batch = 512,
          .acknowledge_every = absl::Milliseconds(200)};
}

}  // namespace mypage
