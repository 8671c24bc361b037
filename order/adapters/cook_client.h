// The one synchronous call between services: order → cook CancelTicket.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/time/time.h"

#include "order/app/use_cases.h"
#include "order/domain/order.h"
#include "platform/auth/signer.h"

namespace order {

// What the kitchen is asked.
struct CancelQuestion {
  OrderState order;
  std::string reason;
  std::string by;
  std::string traceparent;
  absl::Time deadline;
};

// Thread-safe. Connects when first asked, spreads calls over what the name
// stands for, notices a dead peer and tries again within a second. Never
// repeats a call by itself.
class CookClient {
 public:
  using Done = std::function<void(const KitchenAnswer&)>;

  // `target` is host:port or any other gRPC name. `signer` says who we are;
  // null where nobody asks. It must outlive the client.
  CookClient(const std::string& target, platform::auth::Signer* signer);
  ~CookClient();
  CookClient(const CookClient&) = delete;
  CookClient& operator=(const CookClient&) = delete;

  // Asks the kitchen to cancel the ticket; calls `done` once, on a thread of
  // gRPC, where it must not block. Only an answer that cook itself gave is one:
  // OK with a CANCELLED ticket, or `FAILED_PRECONDITION` with ALREADY_COOKED or
  // QUANTITY_OVER of our domain. All else is kUnknown, with the gRPC code as
  // the reason.
  void CancelTicket(const CancelQuestion& question, Done done);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace order
