
[
$0190a6d0-7c00-7000-8000-00000000000a (08Bèºš³€”ï:Jèºš³€”ï:RQUANTITY_OVERQUANTITY_OVER"kitchen