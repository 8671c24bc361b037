// The order service in this process, on a database of its own, without NATS:
// what it says is read from the outbox.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "grpcpp/grpcpp.h"
#include "gtest/gtest.h"

#include "order/adapters/cancel_order.h"
#include "order/adapters/cook_client.h"
#include "order/adapters/order_service.h"
#include "order/adapters/pg_order_store.h"
#include "order/adapters/place_order_batcher.h"
#include "order/migrations/migrations.h"
#include "platform/grpc/server.h"
#include "platform/grpc/status.h"
#include "platform/thread/executor.h"
#include "platform/time/clock.h"
#include "tests/integration/order/cook_stub.h"
#include "tests/support/postgres.h"
#include "tests/support/status_matchers.h"
#include "tests/support/tokens.h"

namespace order {

class OrderFixture : public ::testing::Test {
 protected:
  OrderFixture() : OrderFixture(PlaceOrderBatcherOptions{}) {}
  explicit OrderFixture(PlaceOrderBatcherOptions placing)
      : pool_({.name = "main",
               .dsn = db_.dsn(),
               .connections = 4,
               .prepare = PrepareStatements}),
        place_pool_({.name = "place",
                     .dsn = db_.dsn(),
                     .connections = placing.at_once,
                     .prepare = PreparePlacedOrders}),
        executor_({.threads = 4}),
        batcher_(executor_, place_pool_, placing),
        cook_client_(cook_.target(), signer_.get()),
        canceller_(executor_, pool_, cook_client_, platform::Now),
        service_(access_, executor_, pool_, batcher_, canceller_,
                 platform::Now),
        server_(std::move(*platform::rpc::Server::Start(
            {.listen = "127.0.0.1:0"},
            std::vector<grpc::Service*>{&service_}))),
        stub_(NewStub()) {}

  std::unique_ptr<v1::OrderService::Stub> NewStub() {
    return v1::OrderService::NewStub(
        grpc::CreateChannel(absl::StrCat("127.0.0.1:", server_->port()),
                            grpc::InsecureChannelCredentials()));
  }

  static v1::PlaceOrderRequest Wish(const std::string& request_id = "",
                                    int customer = 1, int qty = 3) {
    v1::PlaceOrderRequest request;
    request.set_request_id(request_id);
    request.set_customer_id(customer);
    request.set_restaurant_id(7);
    request.set_restaurant_menu_id(9);
    request.set_qty(qty);
    return request;
  }

  absl::StatusOr<v1::Order> Place(const v1::PlaceOrderRequest& request,
                                  const std::string& idempotency_key = "") {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + absl::Seconds(20)));
    if (!idempotency_key.empty()) {
      context.AddMetadata("idempotency-key", idempotency_key);
    }
    v1::PlaceOrderResponse response;
    const grpc::Status status = stub_->PlaceOrder(&context, request, &response);
    if (!status.ok()) return platform::rpc::FromGrpcStatus(status);
    return response.order();
  }

  absl::StatusOr<v1::Order> Get(const std::string& id) {
    grpc::ClientContext context;
    v1::GetOrderRequest request;
    request.set_order_id(id);
    v1::GetOrderResponse response;
    const grpc::Status status = stub_->GetOrder(&context, request, &response);
    if (!status.ok()) return platform::rpc::FromGrpcStatus(status);
    return response.order();
  }

  absl::StatusOr<v1::Order> Cancel(
      const std::string& id, const std::string& reason = "changed my mind",
      absl::Duration timeout = absl::Seconds(20)) {
    grpc::ClientContext context;
    context.set_deadline(absl::ToChronoTime(absl::Now() + timeout));
    v1::CancelOrderRequest request;
    request.set_order_id(id);
    request.set_reason(reason);
    v1::CancelOrderResponse response;
    const grpc::Status status =
        stub_->CancelOrder(&context, request, &response);
    if (!status.ok()) return platform::rpc::FromGrpcStatus(status);
    return response.order();
  }

  // The names of the events of an order, by version: "ordered,cancelled".
  std::string Said(const std::string& id) {
    return db_.Value(absl::StrCat(
        "SELECT string_agg(replace(subject, 'restaurant.order.', ''), ',' "
        "ORDER BY version) FROM outbox WHERE aggregate_id = '",
        id, "'"));
  }
  std::string StatusInTable(const std::string& id) {
    return db_.Value(
        absl::StrCat("SELECT status FROM orders WHERE order_id='", id, "'"));
  }
  // A fresh order; its id.
  std::string PlaceOne() {
    absl::StatusOr<v1::Order> order = Place(Wish());
    EXPECT_TRUE(order.ok()) << order.status();
    return order.ok() ? order->order_id() : "";
  }

  test_support::TestDatabase db_{Migrations()};
  platform::pg::Pool pool_;
  platform::pg::Pool place_pool_;
  platform::Executor executor_;
  PlaceOrderBatcher batcher_;
  CookStub cook_;
  const test_support::Issuers issuers_;
  const std::unique_ptr<platform::auth::Signer> signer_ =
      platform::auth::Signer::Create({.key_file = issuers_.order_key_file(),
                                      .subject = "order",
                                      .issuer = "restaurant-services",
                                      .audience = "restaurant"})
          .value();
  CookClient cook_client_;
  OrderCanceller canceller_;
  // Everybody may do everything here; tests/e2e/access_matrix_test.cc is about
  // who may.
  const platform::auth::Access access_{{}, /*verifier=*/nullptr};
  OrderServiceImpl service_;
  const std::unique_ptr<platform::rpc::Server> server_;
  const std::unique_ptr<v1::OrderService::Stub> stub_;
};

}  // namespace order
