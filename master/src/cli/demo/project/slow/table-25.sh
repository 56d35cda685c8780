. src/table.sh
table 25
