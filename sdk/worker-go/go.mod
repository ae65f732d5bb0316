module ketchworker

go 1.19
