// The yardstick for reads: a bare callback gRPC service that runs GetMypage's
// own SELECT through the same pool and answers with the plain columns. No
// validation, log, metrics, trace, deadline or timeline.
//
// Prints its address on stdout and serves until SIGTERM.

#include <cstdio>
#include <string>

#include "absl/flags/flag.h"
#include "absl/flags/parse.h"
#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "grpcpp/grpcpp.h"

#include "mypage/adapters/pg_mypage_store.h"
#include "platform/config/common_flags.h"
#include "platform/pg/pool.h"
#include "platform/process/process.h"
#include "platform/thread/executor.h"
#include "restaurant/mypage/v1/mypage_service.grpc.pb.h"

ABSL_DECLARE_FLAG(std::string, pg_dsn);  // platform/config
ABSL_DECLARE_FLAG(int, pg_connections);  // platform/config
ABSL_DECLARE_FLAG(int, threads);         // platform/config

namespace {

namespace v1 = ::restaurant::mypage::v1;

class BareMypage final : public v1::MypageService::CallbackService {
 public:
  BareMypage(platform::pg::Pool& pool, platform::Executor& executor)
      : pool_(pool), executor_(executor) {}

  grpc::ServerUnaryReactor* GetMypage(
      grpc::CallbackServerContext* context, const v1::GetMypageRequest* request,
      v1::GetMypageResponse* response) override {
    grpc::ServerUnaryReactor* const reactor = context->DefaultReactor();
    executor_.Continue([this, reactor, request, response] {
      const absl::Status read =
          pool_.Read([&](pqxx::nontransaction& tx) -> absl::Status {
            const pqxx::result rows =
                tx.exec_prepared("mypage_find", request->order_id());
            if (rows.empty()) return absl::NotFoundError("");
            v1::Mypage& mypage = *response->mutable_mypage();
            mypage.set_order_id(rows[0][0].c_str());
            mypage.set_customer_id(rows[0][1].as<int32_t>());
            mypage.set_restaurant_id(rows[0][2].as<int32_t>());
            mypage.set_restaurant_menu_id(rows[0][3].as<int32_t>());
            mypage.set_qty(rows[0][4].as<int32_t>());
            return absl::OkStatus();
          });
      reactor->Finish(read.ok()
                          ? grpc::Status::OK
                          : grpc::Status(grpc::StatusCode::NOT_FOUND, ""));
    });
    return reactor;
  }

 private:
  platform::pg::Pool& pool_;
  platform::Executor& executor_;
};

}  // namespace

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::ParseCommandLine(argc, argv);
  platform::pg::Pool pool({.name = "bare",
                           .dsn = absl::GetFlag(FLAGS_pg_dsn),
                           .connections = absl::GetFlag(FLAGS_pg_connections),
                           .prepare = [](pqxx::connection& connection) {
                             mypage::PrepareMypage(connection,
                                                   mypage::Tell::kNobody);
                           }});
  platform::Executor executor({.threads = absl::GetFlag(FLAGS_threads)});
  BareMypage service(pool, executor);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(),
                           &port);
  builder.RegisterService(&service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  std::printf("127.0.0.1:%d\n", port);
  std::fflush(stdout);
  platform::WaitForShutdownSignal();
  server->Shutdown();
  return 0;
}
