// gRPC reflection for the gateway.
//
// Each service describes only itself, and one reflection stream cannot be
// spread over four of them. So the gateway routes reflection here: to a server
// that knows nothing but the descriptor set that Envoy transcodes with, and
// that therefore describes exactly what the gateway serves.

#include <chrono>
#include <cstdio>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/flags/usage.h"
#include "google/protobuf/descriptor.pb.h"
#include "google/protobuf/descriptor_database.h"
#include "grpc/reflection/v1alpha/reflection.grpc.pb.h"
#include "grpcpp/health_check_service_interface.h"
#include "grpcpp/server_builder.h"

#include "platform/process/process.h"

ABSL_FLAG(std::string, listen, "127.0.0.1:8086", "host:port to serve on.");
ABSL_FLAG(std::string, descriptor_set, "",
          "File with a FileDescriptorSet, imports included.");

namespace gateway {
namespace {

namespace v1alpha = grpc::reflection::v1alpha;

class Reflection final : public v1alpha::ServerReflection::Service {
 public:
  explicit Reflection(const google::protobuf::FileDescriptorSet& files) {
    for (const google::protobuf::FileDescriptorProto& file : files.file()) {
      database_.Add(file);
      for (const auto& service : file.service()) {
        services_.push_back(file.package() + "." + service.name());
      }
    }
  }

  // One thread for each stream; the gateway limits how many there are and how
  // long they last.
  grpc::Status ServerReflectionInfo(
      grpc::ServerContext* /*context*/,
      grpc::ServerReaderWriter<v1alpha::ServerReflectionResponse,
                               v1alpha::ServerReflectionRequest>* stream)
      override {
    v1alpha::ServerReflectionRequest request;
    while (stream->Read(&request)) {
      if (!stream->Write(Answer(request))) break;
    }
    return grpc::Status::OK;
  }

 private:
  v1alpha::ServerReflectionResponse Answer(
      const v1alpha::ServerReflectionRequest& request) {
    v1alpha::ServerReflectionResponse response;
    response.set_valid_host(request.host());
    *response.mutable_original_request() = request;
    google::protobuf::FileDescriptorProto file;
    bool found = false;
    switch (request.message_request_case()) {
      case v1alpha::ServerReflectionRequest::kListServices:
        for (const std::string& name : services_) {
          response.mutable_list_services_response()->add_service()->set_name(
              name);
        }
        return response;
      case v1alpha::ServerReflectionRequest::kFileByFilename:
        found = database_.FindFileByName(request.file_by_filename(), &file);
        break;
      case v1alpha::ServerReflectionRequest::kFileContainingSymbol:
        found = database_.FindFileContainingSymbol(
            request.file_containing_symbol(), &file);
        break;
      case v1alpha::ServerReflectionRequest::kFileContainingExtension: {
        const auto& extension = request.file_containing_extension();
        found = database_.FindFileContainingExtension(
            extension.containing_type(), extension.extension_number(), &file);
        break;
      }
      case v1alpha::ServerReflectionRequest::kAllExtensionNumbersOfType: {
        std::vector<int> numbers;
        auto* answer = response.mutable_all_extension_numbers_response();
        answer->set_base_type_name(request.all_extension_numbers_of_type());
        database_.FindAllExtensionNumbers(
            request.all_extension_numbers_of_type(), &numbers);
        answer->mutable_extension_number()->Assign(numbers.begin(),
                                                   numbers.end());
        return response;
      }
      case v1alpha::ServerReflectionRequest::MESSAGE_REQUEST_NOT_SET:
        response.mutable_error_response()->set_error_code(
            grpc::StatusCode::INVALID_ARGUMENT);
        response.mutable_error_response()->set_error_message(
            "message_request is not set.");
        return response;
    }
    if (!found) {
      response.mutable_error_response()->set_error_code(
          grpc::StatusCode::NOT_FOUND);
      response.mutable_error_response()->set_error_message(
          "Nothing here is called that.");
      return response;
    }
    response.mutable_file_descriptor_response()->add_file_descriptor_proto(
        file.SerializeAsString());
    return response;
  }

  google::protobuf::SimpleDescriptorDatabase database_;
  std::vector<std::string> services_;
};

int Main() {
  const std::string path = absl::GetFlag(FLAGS_descriptor_set);
  google::protobuf::FileDescriptorSet files;
  std::ifstream in(path, std::ios::binary);
  if (!in || !files.ParseFromIstream(&in) || files.file().empty()) {
    std::fprintf(stderr, "--descriptor_set: \"%s\" is no descriptor set\n",
                 path.c_str());
    return platform::kExitUsage;
  }
  Reflection reflection(files);
  // Envoy asks for it before it sends anybody here.
  grpc::EnableDefaultHealthCheckService(true);
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  // Envoy looks whether we are alive more often than gRPC likes by itself.
  builder.AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder.AddChannelArgument(
      GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS, 5'000);
  builder.AddListeningPort(absl::GetFlag(FLAGS_listen),
                           grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(&reflection);
  std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    std::fprintf(stderr, "--listen: cannot serve on %s\n",
                 absl::GetFlag(FLAGS_listen).c_str());
    return platform::kExitUsage;
  }
  platform::WaitForShutdownSignal();
  server->Shutdown(std::chrono::system_clock::now() + std::chrono::seconds(1));
  return platform::kExitOk;
}

}  // namespace
}  // namespace gateway

int main(int argc, char** argv) {
  platform::PrepareProcess();
  absl::SetProgramUsageMessage("Describes the gateway's gRPC API.");
  platform::ParseFlags(argc, argv);
  return gateway::Main();
}
