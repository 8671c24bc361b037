
\
$0190a6d0-7c00-7000-8000-000000000007 (08B¼¸š³€”ï:Jø¸š³èÊ€¸RQUANTITY_OVERQUANTITY_OVERkitchen