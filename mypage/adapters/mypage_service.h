// The gRPC side of mypage.
#pragma once

#include <atomic>

#include "platform/pg/pool.h"
#include "platform/thread/executor.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"

namespace mypage {

namespace v1 = ::restaurant::mypage::v1;

// Answers from the stored views. Thread-safe.
class MypageServiceImpl final : public v1::MypageService::CallbackService {
 public:
  // Both must outlive the service and the server it is registered with. `pool`
  // must have been prepared with PrepareMypage().
  MypageServiceImpl(platform::Executor& executor, platform::pg::Pool& pool);

  grpc::ServerUnaryReactor* GetMypage(grpc::CallbackServerContext* context,
                                      const v1::GetMypageRequest* request,
                                      v1::GetMypageResponse* response) override;

  grpc::ServerUnaryReactor* ListMypages(
      grpc::CallbackServerContext* context,
      const v1::ListMypagesRequest* request,
      v1::ListMypagesResponse* response) override;

 private:
  platform::Executor& executor_;
  platform::pg::Pool& pool_;
  // Calls that wait for a version at present.
  std::atomic<int> waiting_ = 0;
};

}  // namespace mypage
