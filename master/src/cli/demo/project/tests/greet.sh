. src/greet.sh
greet
greet Ana
