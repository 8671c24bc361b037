// A kitchen that does what the test says: a real gRPC server with cook's
// generated service.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

#include "platform/grpc/status.h"
#include "platform/status/error.h"
#include "restaurant/cook/v1/cook_service.grpc.pb.h"
#include "tests/support/process.h"

namespace order {

// A blocking handler per call; thread-safe.
class CookStub final : public restaurant::cook::v1::CookService::Service {
 public:
  using Request = restaurant::cook::v1::CancelTicketRequest;
  using Handler = std::function<grpc::Status(const Request&)>;

  CookStub() { Start(); }
  ~CookStub() override { Stop(); }

  std::string target() const { return absl::StrCat("127.0.0.1:", port_); }

  // Always on the same port.
  void Start() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(target(), grpc::InsecureServerCredentials());
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
    if (server_ == nullptr) {
      test_support::Die(
          absl::StrCat("the kitchen cannot listen on ", target()));
    }
  }
  // Answers no more: connections are refused.
  void Stop() {
    if (server_ == nullptr) return;
    server_->Shutdown(absl::ToChronoTime(absl::Now()));
    server_->Wait();
    server_.reset();
  }

  void Answer(Handler handler) {
    std::lock_guard lock(mutex_);
    handler_ = std::move(handler);
  }
  void Answer(const grpc::Status& status) {
    Answer([status](const Request&) { return status; });
  }
  // Of the ticket in an answer that is OK.
  void AnswerTicket(restaurant::cook::v1::TicketStatus status) {
    ticket_status_.store(status);
  }
  // Who cancelled the ticket first, and why; as old ones, it does not say.
  void AnswerBy(const std::string& by, const std::string& reason) {
    std::lock_guard lock(mutex_);
    by_ = by;
    reason_ = reason;
  }
  // As cook says no.
  static grpc::Status Refusal(absl::string_view reason) {
    return platform::rpc::ToGrpcStatus(platform::Error(
        absl::StatusCode::kFailedPrecondition, reason, "It is too late."));
  }

  std::vector<Request> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }
  // The metadata of the last call, "key=value".
  std::vector<std::string> metadata() {
    std::lock_guard lock(mutex_);
    return metadata_;
  }

  // When the last call's caller stops waiting.
  absl::Time deadline() {
    std::lock_guard lock(mutex_);
    return deadline_;
  }

  grpc::Status CancelTicket(
      grpc::ServerContext* context, const Request* request,
      restaurant::cook::v1::CancelTicketResponse* response) override {
    Handler handler;
    {
      std::lock_guard lock(mutex_);
      requests_.push_back(*request);
      deadline_ = absl::FromChrono(context->deadline());
      metadata_.clear();
      for (const auto& [key, value] : context->client_metadata()) {
        metadata_.push_back(
            absl::StrCat(std::string(key.data(), key.size()), "=",
                         std::string(value.data(), value.size())));
      }
      handler = handler_;
      response->set_by(by_);
      response->mutable_ticket()->set_reason(reason_);
    }
    response->mutable_ticket()->set_order_id(request->order_id());
    response->mutable_ticket()->set_status(ticket_status_.load());
    return handler ? handler(*request) : grpc::Status::OK;
  }

 private:
  std::atomic<restaurant::cook::v1::TicketStatus> ticket_status_ =
      restaurant::cook::v1::TICKET_STATUS_CANCELLED;
  std::mutex mutex_;
  Handler handler_;
  std::string by_;
  std::string reason_;
  std::vector<Request> requests_;
  std::vector<std::string> metadata_;
  absl::Time deadline_;
  // Not one of those that the kernel gives to clients: free after a stop, too.
  const int port_ = test_support::FreePort();
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace order
